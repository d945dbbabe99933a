//! Cuts what is pending into stages, each applied by one start of the tool, so that the guard against waiting for locks holds for every file
//! that can be rolled back, whatever other files are pending. Pure.

/// What a tool can be told to stop after: a file, or several that it runs in one go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unit {
    /// Its version as the tool calls it; absent: the tool cannot be told to stop after it, so it is the last unit.
    pub version: Option<String>,
    /// Whether each file of it may give up waiting for a lock.
    pub may_give_up: bool,
}

/// What one start of the tool applies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stage {
    /// The version to stop at, as the tool calls it; absent: the stage goes to the end of what is pending.
    pub until: Option<String>,
    /// Whether each file of it may give up waiting for a lock.
    pub may_give_up: bool,
}

impl Stage {
    /// All that is pending in one start, some of which must wait for locks as long as it takes.
    pub const ALL: Self = Self {
        until: None,
        may_give_up: false,
    };

    /// Whether nothing is pending after it.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.until.is_none()
    }
}

/// The first stage: the units from the beginning that are alike.
#[must_use]
pub fn first(units: &[Unit]) -> Stage {
    let may_give_up = units.first().is_some_and(|unit| unit.may_give_up);
    let alike = units
        .iter()
        .take_while(|unit| unit.may_give_up == may_give_up);
    let last = alike.clone().last();
    Stage {
        until: last
            .filter(|_| alike.count() < units.len())
            .and_then(|unit| unit.version.clone()),
        may_give_up,
    }
}

#[cfg(test)]
mod tests {
    use super::{Stage, Unit, first};

    fn unit(version: i64, may_give_up: bool) -> Unit {
        Unit {
            version: Some(version.to_string()),
            may_give_up,
        }
    }

    fn stage(until: Option<&str>, may_give_up: bool) -> Stage {
        Stage {
            until: until.map(str::to_owned),
            may_give_up,
        }
    }

    #[test]
    fn a_stage_ends_where_the_next_file_runs_otherwise() {
        let cases = [
            (vec![], stage(None, false)),
            (vec![unit(1, true)], stage(None, true)),
            (vec![unit(1, true), unit(2, true)], stage(None, true)),
            (vec![unit(1, false), unit(2, false)], stage(None, false)),
            (
                vec![unit(1, true), unit(2, true), unit(3, false), unit(4, true)],
                stage(Some("2"), true),
            ),
            (
                vec![unit(3, false), unit(4, true), unit(5, false)],
                stage(Some("3"), false),
            ),
        ];
        for (units, expected) in cases {
            assert_eq!(first(&units), expected, "{units:?}");
        }
    }

    /// What guards files that can be rolled back: each of them is in a stage in which no other file runs.
    #[test]
    fn every_order_of_files_is_cut_into_stages_of_files_that_run_alike() {
        for order in 0_u32..1 << 6 {
            let mut units: Vec<Unit> = (0..6).map(|at| unit(at, order & (1 << at) != 0)).collect();
            while !units.is_empty() {
                let stage = first(&units);
                let end = stage.until.as_ref().map_or(units.len(), |until| {
                    1 + units
                        .iter()
                        .position(|unit| unit.version.as_ref() == Some(until))
                        .expect("a version of a unit")
                });
                let done: Vec<Unit> = units.drain(..end).collect();
                assert!(
                    done.iter()
                        .all(|unit| unit.may_give_up == stage.may_give_up),
                    "{order:b} {stage:?}"
                );
            }
        }
    }
}
