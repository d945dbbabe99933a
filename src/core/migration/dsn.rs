//! Connection strings, built from parts so that no name can end a value or add a parameter. Pure.
//!
//! Where a driver reads the password from a variable of its own, it is in no string; MySQL's drivers know none.

use crate::api::common::Engine;
use crate::api::database::TlsMode;

/// Where a database is, who we are there, and how much encryption is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub host: &'a str,
    pub port: i32,
    pub database: &'a str,
    pub user: &'a str,
    pub tls: TlsMode,
    /// File with the certificate of the server's authority; absent: one that everybody knows.
    pub authority: Option<&'a str>,
}

/// A value of a `keyword=value` string as libpq and pgx read it: in single quotes, a backslash before `'` and `\`.
#[must_use]
pub fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('\'');
    for character in value.chars() {
        if matches!(character, '\'' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('\'');
    out
}

/// Every byte but letters, digits and `-_.~` as `%XX`: right in each part of a URL, and in a query.
#[must_use]
pub fn percent(text: &str) -> String {
    let encoded = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    encoded.collect()
}

/// Host and port as a URL has them: an IPv6 address in square brackets.
#[must_use]
pub fn authority(host: &str, port: i32) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// What goose gets as `GOOSE_DBSTRING` for PostgreSQL; the password goes by `PGPASSWORD`.
#[must_use]
pub fn postgresql(place: &Place) -> String {
    let authority = place
        .authority
        .map(|file| format!(" sslrootcert={}", quoted(file)))
        .unwrap_or_default();
    format!(
        "host={} port={} dbname={} user={} sslmode={}{authority}",
        quoted(place.host),
        place.port,
        quoted(place.database),
        quoted(place.user),
        sslmode(place.tls)
    )
}

/// What golang-migrate gets for MySQL: as above, with user and password query-escaped, as golang-migrate takes that off again.
#[must_use]
pub fn mysql_url(place: &Place, password: &str, variables: &[(&str, String)]) -> String {
    // It reads the authority's certificate for a configuration of TLS that has a name of its own.
    let (tls, authority) = match place.authority {
        Some(file) => ("slipway", format!("&x-tls-ca={}", percent(file))),
        None => (mysql_tls(place.tls), String::new()),
    };
    format!(
        "mysql://{}:{}@{}{authority}",
        percent(place.user),
        percent(password),
        mysql_from_address(place, tls, variables)
    )
}

/// What Go's MySQL driver reads, as goose gets it: user and password stand there as they are, so a user's name cannot hold a colon.
/// `variables`: session variables by name, each with an SQL expression.
#[must_use]
pub fn mysql(place: &Place, password: &str, variables: &[(&str, String)]) -> String {
    format!(
        "{}:{password}@{}",
        place.user,
        mysql_from_address(place, mysql_tls(place.tls), variables)
    )
}

/// What follows user and password in a string of Go's MySQL driver: `tcp(host:port)/database?parameters`.
fn mysql_from_address(place: &Place, tls: &str, variables: &[(&str, String)]) -> String {
    let variables: String = variables
        .iter()
        .map(|(name, expression)| ["&", name, "=", &percent(expression)].concat())
        .collect();
    format!(
        "tcp({})/{}?multiStatements=true&tls={tls}{variables}",
        authority(place.host, place.port),
        percent(place.database),
    )
}

/// What golang-migrate gets as `-database` for PostgreSQL, with the driver that `scheme` names; the password goes by `PGPASSWORD`.
/// `parameters` follow `sslmode`.
#[must_use]
pub fn postgresql_url(scheme: &str, place: &Place, parameters: &[(&str, String)]) -> String {
    let parameters: String = parameters
        .iter()
        .map(|(name, value)| ["&", name, "=", &percent(value)].concat())
        .collect();
    let certificate = place
        .authority
        .map(|file| format!("&sslrootcert={}", percent(file)))
        .unwrap_or_default();
    format!(
        "{scheme}://{}@{}/{}?sslmode={}{certificate}{parameters}",
        percent(place.user),
        authority(place.host, place.port),
        percent(place.database),
        sslmode(place.tls)
    )
}

/// What Flyway gets as `FLYWAY_URL`; user and password go by variables of their own. Without TLS MySQL's `caching_sha2_password`, its default
/// from 8.0 on, encrypts the password with a key of the server's, which MariaDB's driver fetches only where it is told to; the other drivers,
/// Go's and the runner's own, do so unasked. `parameters` follow those about TLS. MariaDB's driver
/// takes each part as it stands, so none of it is escaped there; a `&` in it, which no name of ours has, would end it.
#[must_use]
pub fn jdbc(engine: Engine, place: &Place, parameters: &[(&str, String)]) -> String {
    let (scheme, escaped): (_, fn(&str) -> String) = match engine {
        Engine::PostgreSQL => ("postgresql", percent),
        Engine::MySQL => ("mariadb", str::to_owned),
    };
    let tls = jdbc_tls(engine, place);
    let parameters: Vec<String> = tls
        .iter()
        .chain(parameters)
        .map(|(name, value)| [name, "=", &escaped(value)].concat())
        .collect();
    format!(
        "jdbc:{scheme}://{}/{}?{}",
        authority(place.host, place.port),
        escaped(place.database),
        parameters.join("&")
    )
}

fn jdbc_tls(engine: Engine, place: &Place) -> Vec<(&'static str, String)> {
    let (mode, certificate) = match engine {
        Engine::PostgreSQL => (("sslmode", sslmode(place.tls)), "sslrootcert"),
        Engine::MySQL => (("sslMode", mariadb_tls(place.tls)), "serverSslCert"),
    };
    let mut parameters = vec![(mode.0, mode.1.to_owned())];
    if let Some(file) = place.authority {
        parameters.push((certificate, file.to_owned()));
    }
    if engine == Engine::MySQL && mode.1 == NO_TLS {
        parameters.push(("allowPublicKeyRetrieval", "true".to_owned()));
    }
    if place.authority.is_none() && engine == Engine::PostgreSQL && place.tls == TlsMode::VerifyFull
    {
        // Without it the driver looks for a file in the user's folder, not at the authorities that everybody knows.
        let factory = "org.postgresql.ssl.DefaultJavaSSLFactory";
        parameters.push(("sslfactory", factory.to_owned()));
    }
    parameters
}

/// The word of MariaDB's JDBC driver for a connection without TLS.
const NO_TLS: &str = "disable";

/// The word of MariaDB's JDBC driver, which cannot prefer: without a demand it asks for none.
fn mariadb_tls(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::Disable | TlsMode::Prefer => NO_TLS,
        TlsMode::Require => "trust",
        TlsMode::VerifyFull => "verify-full",
    }
}

/// libpq's word for how much encryption is asked for.
#[must_use]
pub fn sslmode(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::Disable => "disable",
        TlsMode::Prefer => "prefer",
        TlsMode::Require => "require",
        TlsMode::VerifyFull => "verify-full",
    }
}

/// The word of Go's MySQL driver for the same.
#[must_use]
pub fn mysql_tls(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::Disable => "false",
        TlsMode::Prefer => "preferred",
        TlsMode::Require => "skip-verify",
        TlsMode::VerifyFull => "true",
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, jdbc, mysql, mysql_url, postgresql, postgresql_url, quoted};
    use crate::api::common::Engine;
    use crate::api::database::TlsMode;

    fn place<'a>(host: &'a str, database: &'a str) -> Place<'a> {
        Place {
            host,
            port: 5432,
            database,
            user: "",
            tls: TlsMode::VerifyFull,
            authority: None,
        }
    }

    #[test]
    fn no_name_can_end_its_value_or_add_a_parameter() {
        assert_eq!(quoted(r"a' sslmode='\"), r"'a\' sslmode=\'\\'");
        assert_eq!(
            postgresql(&place("db", "it's")),
            r"host='db' port=5432 dbname='it\'s' user='' sslmode=verify-full"
        );
        let proven = Place {
            authority: Some("/a b/ca.crt"),
            ..place("db", "a")
        };
        assert_eq!(
            postgresql(&proven),
            "host='db' port=5432 dbname='a' user='' sslmode=verify-full sslrootcert='/a b/ca.crt'"
        );
    }

    #[test]
    fn a_jdbc_url_has_neither_user_nor_password_and_escapes_every_part() {
        let parameters = [("ApplicationName", "slipway/a&b".to_owned())];
        assert_eq!(
            jdbc(Engine::PostgreSQL, &place("fd00::1", "it's?"), &parameters),
            "jdbc:postgresql://[fd00::1]:5432/it%27s%3F?sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory\
             &ApplicationName=slipway%2Fa%26b"
        );
        let known = Place {
            authority: Some("/a b/ca.crt"),
            ..place("db", "orders")
        };
        assert_eq!(
            [Engine::PostgreSQL, Engine::MySQL].map(|engine| jdbc(engine, &known, &[])),
            [
                "jdbc:postgresql://db:5432/orders?sslmode=verify-full&sslrootcert=%2Fa%20b%2Fca.crt",
                "jdbc:mariadb://db:5432/orders?sslMode=verify-full&serverSslCert=/a b/ca.crt"
            ]
        );
        assert_eq!(
            jdbc(Engine::MySQL, &place("db", "orders"), &[]),
            "jdbc:mariadb://db:5432/orders?sslMode=verify-full"
        );
        let open = Place {
            tls: TlsMode::Prefer,
            ..place("db", "orders")
        };
        assert_eq!(
            jdbc(Engine::MySQL, &open, &[]),
            "jdbc:mariadb://db:5432/orders?sslMode=disable&allowPublicKeyRetrieval=true"
        );
    }

    #[test]
    fn mysql_has_a_raw_password_an_escaped_database_and_escaped_expressions() {
        let place = Place {
            user: "app",
            ..place("fd00::1", "a/b?c")
        };
        assert_eq!(
            mysql(
                &place,
                "p@:/?#",
                &[("lock_wait_timeout", "IF(1, 5, 5)".to_owned())]
            ),
            "app:p@:/?#@tcp([fd00::1]:5432)/a%2Fb%3Fc?multiStatements=true&tls=true&lock_wait_timeout=IF%281%2C%205%2C%205%29"
        );
    }

    #[test]
    fn an_authoritys_certificate_is_named_as_each_driver_reads_it() {
        let proven = Place {
            user: "app",
            authority: Some("/ca.crt"),
            ..place("db", "a")
        };
        assert_eq!(
            [
                postgresql_url("pgx5", &proven, &[]),
                mysql_url(&proven, "p@", &[])
            ],
            [
                "pgx5://app@db:5432/a?sslmode=verify-full&sslrootcert=%2Fca.crt",
                "mysql://app:p%40@tcp(db:5432)/a?multiStatements=true&tls=slipway&x-tls-ca=%2Fca.crt"
            ]
        );
    }

    #[test]
    fn no_name_can_leave_its_part_of_a_url() {
        let name = r#"a@:/?#%+&'"\ é"#;
        let url = |host| {
            let place = Place {
                host,
                port: 5432,
                database: name,
                user: name,
                tls: TlsMode::Prefer,
                authority: None,
            };
            postgresql_url("pgx5", &place, &[("x-migrations-table", "a&b".to_owned())])
        };
        let encoded = "a%40%3A%2F%3F%23%25%2B%26%27%22%5C%20%C3%A9";
        assert_eq!(
            url("db"),
            format!("pgx5://{encoded}@db:5432/{encoded}?sslmode=prefer&x-migrations-table=a%26b")
        );
        assert!(url("fd00::1").contains("@[fd00::1]:5432/"));
    }
}
