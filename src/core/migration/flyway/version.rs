//! A version as Flyway reads and compares it: numbers divided by dots or underscores, of any length, zeros at the end without meaning.

use std::cmp::Ordering;
use std::fmt;

/// Example: `1.10`, which is higher than `1.9` and the same as `1.10.0`.
#[derive(Clone, Debug)]
pub struct Version {
    /// Each number without leading zeros; at least one.
    numbers: Vec<String>,
    /// With dots, as Flyway writes it into its table.
    text: String,
}

impl Version {
    /// `None` where Flyway would not take it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.replace('_', ".");
        let number = |part: &str| {
            let digits = !part.is_empty() && part.chars().all(|digit| digit.is_ascii_digit());
            digits.then(|| part.trim_start_matches('0').to_owned())
        };
        let mut numbers = text.split('.').map(number).collect::<Option<Vec<_>>>()?;
        while numbers.len() > 1 && numbers.last().is_some_and(String::is_empty) {
            numbers.pop();
        }
        Some(Self { numbers, text })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let longer = self.numbers.len().max(other.numbers.len());
        let number = |version: &Self, at: usize| {
            let digits = version.numbers.get(at).cloned().unwrap_or_default();
            (digits.len(), digits)
        };
        (0..longer)
            .map(|at| number(self, at).cmp(&number(other, at)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_are_compared_number_by_number_and_zeros_at_the_end_say_nothing() {
        let rising = [
            "0",
            "1",
            "1.9",
            "1_10",
            "2",
            "10",
            "20260102030405",
            "123456789012345678901234567890",
        ];
        let versions: Vec<Version> = rising
            .iter()
            .filter_map(|text| Version::parse(text))
            .collect();
        assert_eq!(versions.len(), rising.len());
        assert!(versions.is_sorted_by(|left, right| left < right));
        for (left, right) in [
            ("1", "1.0"),
            ("1.0.0", "1_0"),
            ("007", "7"),
            ("1.10", "1.10.0"),
        ] {
            assert_eq!(Version::parse(left), Version::parse(right));
        }
        assert_eq!(
            Version::parse("1_10").map(|version| version.to_string()),
            Some("1.10".to_owned())
        );
    }

    #[test]
    fn what_is_no_number_is_no_version() {
        for text in ["", "1.", ".1", "1..2", "a", "1a", "-1", "1_x"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
