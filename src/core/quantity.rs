//! Kubernetes' quantities: parsing, comparing, and the one spelling that the API server gives back.
//!
//! Facts from `k8s.io/apimachinery/pkg/api/resource`: the server prints the largest suffix that leaves a whole number, keeps the family of
//! suffixes (binary, decimal, exponent) that was written, and writes a binary value below 1024 without a suffix.

const NANO: i128 = 1_000_000_000;
const DECIMAL: [(&str, i128); 10] = [
    ("E", 1_000_000_000_000_000_000 * NANO),
    ("P", 1_000_000_000_000_000 * NANO),
    ("T", 1_000_000_000_000 * NANO),
    ("G", 1_000_000_000 * NANO),
    ("M", 1_000_000 * NANO),
    ("k", 1_000 * NANO),
    ("", NANO),
    ("m", NANO / 1_000),
    ("u", NANO / 1_000_000),
    ("n", 1),
];
const BINARY: [(&str, i128); 7] = [
    ("Ei", (1 << 60) * NANO),
    ("Pi", (1 << 50) * NANO),
    ("Ti", (1 << 40) * NANO),
    ("Gi", (1 << 30) * NANO),
    ("Mi", (1 << 20) * NANO),
    ("Ki", (1 << 10) * NANO),
    ("", NANO),
];

/// An amount as users write it: `100m`, `512Mi`, `1.5`, `2e3`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Amount {
    nano: i128,
    family: Family,
}

/// The family of suffixes an amount was written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Family {
    Binary,
    Decimal,
    Exponent,
}

impl Amount {
    /// Reads a quantity; `None` when it is none, or larger than Kubernetes counts (2^63 - 1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = unsigned
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (unit, family) = unit(suffix)?;
        let nano = scaled(number, unit)?;
        let limit = i128::from(i64::MAX).checked_mul(NANO)?;
        (nano <= limit).then_some(Self {
            nano: if negative { -nano } else { nano },
            family,
        })
    }

    /// A whole number of mebibytes.
    #[must_use]
    pub const fn mebibytes(count: i64) -> Self {
        Self {
            nano: (count as i128) * (1 << 20) * NANO,
            family: Family::Binary,
        }
    }

    /// Thousandths, as CPUs are counted.
    #[must_use]
    pub const fn milli(count: i64) -> Self {
        Self {
            nano: (count as i128) * (NANO / 1_000),
            family: Family::Decimal,
        }
    }

    /// In billionths: for comparing, whatever the spelling.
    #[must_use]
    pub const fn nano(self) -> i128 {
        self.nano
    }

    /// Whole units, rounded up. Saturates at the ends of `i64`.
    #[must_use]
    pub fn ceil(self) -> i64 {
        let whole = self.nano.div_euclid(NANO) + i128::from(self.nano.rem_euclid(NANO) > 0);
        i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
    }

    /// Whether it is a whole number of the given fraction of a unit: 1 for bytes, 1000 for thousandths of a CPU.
    #[must_use]
    pub fn is_whole(self, parts: i128) -> bool {
        NANO.checked_div(parts)
            .is_some_and(|step| step > 0 && self.nano % step == 0)
    }

    /// The spelling that the API server gives back.
    #[must_use]
    pub fn canonical(self) -> String {
        let binary =
            self.family == Family::Binary && self.nano.abs() >= 1024 * NANO && self.is_whole(1);
        let units: &[(&str, i128)] = if binary { &BINARY } else { &DECIMAL };
        let (suffix, unit) = units
            .iter()
            .find(|(_, unit)| self.nano != 0 && self.nano % unit == 0)
            .copied()
            .unwrap_or(("", NANO));
        let count = self.nano / unit;
        match (self.family, exponent_of(suffix)) {
            (Family::Exponent, Some(exponent)) if exponent != 0 => format!("{count}e{exponent}"),
            _ => format!("{count}{suffix}"),
        }
    }
}

/// Whether two spellings mean the same amount. What is no quantity equals only itself.
#[must_use]
pub fn same(left: &str, right: &str) -> bool {
    match (Amount::parse(left), Amount::parse(right)) {
        (Some(left), Some(right)) => left.nano == right.nano,
        _ => left == right,
    }
}

fn unit(suffix: &str) -> Option<(i128, Family)> {
    if let Some((_, unit)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((*unit, Family::Decimal));
    }
    if let Some((_, unit)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some((*unit, Family::Binary));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let unit = if exponent >= 0 {
        10_i128
            .checked_pow(exponent.unsigned_abs())?
            .checked_mul(NANO)?
    } else {
        NANO / 10_i128.checked_pow(exponent.unsigned_abs())?
    };
    (unit > 0).then_some((unit, Family::Exponent))
}

/// `number` times `unit`, rounded up to a billionth as the server does.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 18 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let divisor = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let product = digits.checked_mul(unit)?;
    Some(product / divisor + i128::from(product % divisor > 0))
}

fn exponent_of(suffix: &str) -> Option<i32> {
    let position = DECIMAL.iter().position(|(name, _)| *name == suffix)?;
    Some(18 - 3 * i32::try_from(position).ok()?)
}

#[cfg(test)]
mod tests {
    use super::{Amount, same};

    /// Spellings and answers of `resource.MustParse(..).String()`.
    #[test]
    fn quantities_are_printed_as_the_api_server_prints_them() {
        let pairs = [
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("100Ki", "100Ki"),
            ("1000", "1k"),
            ("128974848", "128974848"),
            ("0", "0"),
            ("0.5Ki", "512"),
            ("1e3", "1e3"),
            ("12e6", "12e6"),
            ("-100m", "-100m"),
        ];
        assert_eq!(
            pairs.map(|(text, _)| Amount::parse(text).map(Amount::canonical)),
            pairs.map(|(_, text)| Some(text.to_owned()))
        );
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "",
            "m",
            "1 core",
            "1e400",
            "1.2.3",
            "Mi",
            "0x10",
            "1Zi",
            "99999999999999999999",
        ] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn two_spellings_of_one_amount_are_the_same() {
        assert!(same("1Gi", "1024Mi") && same("0.1", "100m") && same("odd", "odd"));
        assert!(!same("1G", "1Gi") && !same("odd", "1"));
    }

    #[test]
    fn cpus_are_counted_in_thousandths_and_rounded_up() {
        assert_eq!(
            ["1500m", "2", "1m"].map(|text| Amount::parse(text).map(Amount::ceil)),
            [Some(2), Some(2), Some(1)]
        );
        assert!(!Amount::parse("0.0001").is_some_and(|amount| amount.is_whole(1000)));
    }
}
