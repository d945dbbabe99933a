//! What can be seen of an attempt beside its tool's own end.

use slipway::core::migration::judge::{Lock, ReadBack};

/// What is seen beside the tool's own end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    pub lock: Lock,
    pub orphan: bool,
    pub read_back: ReadBack,
}

const READ_BACKS: [(ReadBack, &str); 4] = [
    (
        ReadBack::AtTarget,
        "the version table is at the target and clean",
    ),
    (ReadBack::Missing, "the version table cannot be read"),
    (
        ReadBack::Marked("(the mark)"),
        "the version table marks a file as failed or dirty",
    ),
    (ReadBack::Below, "the version table is below the target"),
];

/// What belongs together on the page, if the same follows from it.
pub struct Group {
    pub words: String,
    pub members: Vec<Seen>,
}

/// All that can be seen beside the tool's own end, each once.
pub fn groups() -> Vec<Group> {
    let tables = |chosen: fn(ReadBack) -> bool, lock, orphan| -> Vec<Seen> {
        let read_backs = READ_BACKS.iter().map(|(read_back, _)| *read_back);
        let chosen = read_backs.filter(|read_back| chosen(*read_back));
        chosen
            .map(|read_back| Seen {
                lock,
                orphan,
                read_back,
            })
            .collect()
    };
    let orphans = [Lock::Lost, Lock::Held].map(|lock| tables(|_| true, lock, true));
    let lost = |chosen| tables(chosen, Lock::Lost, false);
    let group = |words: &str, members| Group {
        words: words.to_owned(),
        members,
    };
    let mut groups = vec![
        group("a session of it is still at work", orphans.concat()),
        group(
            "the lock was lost, the version table is at the target and clean",
            lost(|read_back| read_back == ReadBack::AtTarget),
        ),
        group(
            "the lock was lost, the version table is not at the target",
            lost(|read_back| read_back != ReadBack::AtTarget),
        ),
    ];
    groups.extend(READ_BACKS.map(|(read_back, words)| Group {
        words: words.to_owned(),
        members: vec![Seen {
            lock: Lock::Held,
            orphan: false,
            read_back,
        }],
    }));
    groups
}
