//! The logs: one JSON object a line for machines, short text for a terminal. Both come from the same fields, and both escape what
//! users wrote, so that a name or a message can never forge a line.

use std::fmt;
use std::io::IsTerminal as _;

use jiff::Timestamp;
use serde_json::{Map, Value};
use thiserror::Error;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// What kube tells about its HTTP layer at level error is told once more, and better, by whoever made the request.
const NOISE: &str = "kube_client::client::builder=off,kube_runtime::controller=warn";

/// How a line looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    Json,
    Text,
}

impl LogFormat {
    /// What fits where standard error goes: text on a terminal, else JSON.
    #[must_use]
    pub fn fitting() -> Self {
        if std::io::stderr().is_terminal() {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// Why there are no logs.
#[derive(Debug, Error)]
pub enum TelemetryError {
    #[error(
        "--log-level {level:?} is no level; take error, warn, info, debug or trace, or a list such as info,kube_runtime=debug"
    )]
    Level { level: String },
    #[error("logs are switched on already")]
    Twice,
}

/// Switches the logs on, for the whole process and to standard error. `level`: a level or a list of `target=level`.
pub fn start(format: LogFormat, level: &str) -> Result<(), TelemetryError> {
    let filter = filter(level)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .fmt_fields(JsonFields::new())
        .event_format(Lines {
            format,
            now: Timestamp::now,
        })
        .try_init()
        .map_err(|_| TelemetryError::Twice)
}

fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let unknown = || TelemetryError::Level {
        level: level.to_owned(),
    };
    // EnvFilter takes any word for the name of a target, which would silence everything for a slip of the pen.
    let is_level = |text: &str| {
        text.parse::<tracing_subscriber::filter::LevelFilter>()
            .is_ok()
    };
    if !level
        .split(',')
        .all(|part| part.contains('=') || is_level(part))
    {
        return Err(unknown());
    }
    EnvFilter::try_new(format!("{NOISE},{level}")).map_err(|_| unknown())
}

/// Makes the lines.
struct Lines {
    format: LogFormat,
    /// The clock; another one in tests.
    now: fn() -> Timestamp,
}

impl<S> FormatEvent<S, JsonFields> for Lines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let fields = fields(context, event);
        let level = *event.metadata().level();
        match self.format {
            LogFormat::Json => write_json(&mut writer, (self.now)(), level, fields),
            LogFormat::Text => write_text(&mut writer, (self.now)(), level, fields),
        }
    }
}

/// The fields of the spans around the event, outermost first, then its own; and where it comes from, unless that is Slipway.
fn fields<S>(context: &FmtContext<'_, S, JsonFields>, event: &Event<'_>) -> Fields
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let mut fields = Fields::default();
    for span in context
        .event_scope()
        .into_iter()
        .flat_map(tracing_subscriber::registry::Scope::from_root)
    {
        let extensions = span.extensions();
        let Some(text) = extensions.get::<FormattedFields<JsonFields>>() else {
            continue;
        };
        if let Ok(Value::Object(of_span)) = serde_json::from_str(text) {
            fields.others.extend(of_span);
        }
    }
    event.record(&mut fields);
    let target = event.metadata().target();
    if !target.starts_with("slipway") {
        fields
            .others
            .insert("target".to_owned(), Value::from(target));
    }
    fields
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let text = || {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        if field.name() == "message" {
            self.message = text();
        } else {
            self.others.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, Value::from(value.to_string()));
    }
}

fn write_json(
    writer: &mut Writer<'_>,
    now: Timestamp,
    level: Level,
    fields: Fields,
) -> fmt::Result {
    let Fields { message, others } = fields;
    let quoted = |value: &str| Value::from(value).to_string();
    write!(
        writer,
        r#"{{"ts":"{now:.3}","level":"{}","msg":{}"#,
        level_word(level),
        quoted(&message)
    )?;
    for (key, value) in others {
        write!(writer, ",{}:{value}", quoted(&key))?;
    }
    writeln!(writer, "}}")
}

fn write_text(
    writer: &mut Writer<'_>,
    now: Timestamp,
    level: Level,
    fields: Fields,
) -> fmt::Result {
    let Fields { message, others } = fields;
    write!(
        writer,
        "{} {:<5} {}",
        now.strftime("%H:%M:%S%.3f"),
        level_word(level),
        without_control(&message)
    )?;
    for (key, value) in others {
        match value.as_str() {
            Some(text) if is_plain(text) => write!(writer, " {key}={text}")?,
            _ => write!(writer, " {key}={}", without_control(&value.to_string()))?,
        }
    }
    writer.write_char('\n')
}

const fn level_word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-_./:".contains(character))
}

/// A terminal obeys control characters, so none of them reaches it.
fn without_control(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            clean.extend(character.escape_unicode());
        } else {
            clean.push(character);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::{Lines, LogFormat, filter};
    use jiff::Timestamp;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::fmt::format::JsonFields;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no test thread panicked").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Page {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn logged(format: LogFormat, level: &str, log: impl FnOnce()) -> String {
        let page = Page::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter(level).expect("a level"))
            .with_writer(page.clone())
            .fmt_fields(JsonFields::new())
            .event_format(Lines {
                format,
                now: || Timestamp::UNIX_EPOCH,
            })
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = page.0.lock().expect("no test thread panicked").clone();
        String::from_utf8(bytes).expect("text")
    }

    fn a_transition() {
        let span = tracing::info_span!("reconcile", controllerKind = "Backend", name = "orders");
        let _inside = span.enter();
        tracing::info!(generation = 3, reason = "two\nlines", "release opened");
    }

    #[test]
    fn a_line_is_one_flat_json_object() {
        assert_eq!(
            logged(LogFormat::Json, "info", a_transition),
            concat!(
                r#"{"ts":"1970-01-01T00:00:00.000Z","level":"info","msg":"release opened","controllerKind":"Backend","#,
                r#""generation":3,"name":"orders","reason":"two\nlines"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_line_on_a_terminal_cannot_be_forged() {
        assert_eq!(
            logged(LogFormat::Text, "info", || tracing::warn!(
                name = "a\u{1b}[31m",
                "one\ntwo"
            )),
            "00:00:00.000 warn  one\\u{a}two name=\"a\\u001b[31m\"\n"
        );
    }

    #[test]
    fn the_http_layer_of_kube_is_not_heard() {
        let noise =
            || tracing::error!(target: "kube_client::client::builder", "failed with status 404");
        assert_eq!(logged(LogFormat::Json, "info", noise), "");
    }

    #[test]
    fn a_level_that_does_not_exist_is_refused() {
        let answer = filter("verbose")
            .map(|_| ())
            .map_err(|error| error.to_string());
        assert_eq!(
            answer,
            Err(r#"--log-level "verbose" is no level; take error, warn, info, debug or trace, or a list such as info,kube_runtime=debug"#.to_owned())
        );
    }
}
