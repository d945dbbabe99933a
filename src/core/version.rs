//! Versions of migration files, as the tools count them: whole numbers, or whole numbers with dots (Flyway). Pure.

use std::cmp::Ordering;

/// How two versions stand to each other; `None` where one of them is no version. `2` and `2.0` are the same, as Flyway has it.
#[must_use]
pub fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (numbers(left)?, numbers(right)?);
    let length = left.len().max(right.len());
    let filled = |numbers: Vec<u64>| {
        numbers
            .into_iter()
            .chain(std::iter::repeat(0))
            .take(length)
            .collect::<Vec<u64>>()
    };
    Some(filled(left).cmp(&filled(right)))
}

fn numbers(version: &str) -> Option<Vec<u64>> {
    version
        .split(['.', '_'])
        .map(|number| number.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::compare;

    #[test]
    fn versions_are_compared_as_numbers_part_by_part() {
        let rows = [
            ("9", "10", Some(Ordering::Less)),
            ("00010", "10", Some(Ordering::Equal)),
            ("20240102030405", "20240102030404", Some(Ordering::Greater)),
            ("1.9", "1.10", Some(Ordering::Less)),
            ("2_1", "2.1", Some(Ordering::Equal)),
            ("2", "2.0", Some(Ordering::Equal)),
            ("2", "2.0.1", Some(Ordering::Less)),
            ("", "1", None),
            ("v1", "1", None),
        ];
        for (left, right, expected) in rows {
            assert_eq!(compare(left, right), expected, "{left} {right}");
        }
    }
}
