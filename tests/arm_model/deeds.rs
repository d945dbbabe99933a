//! What people may do in a walk, as often as its budget says.

use std::sync::Arc;

use crate::by_hand;
use crate::files::Files;
use crate::users::{DELETIONS, Deletion, digest};
use crate::world::World;

#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    Delete(Arc<str>, Deletion),
    /// The n-th pod is deleted by force, as its node is lost.
    LosePod(usize),
    Edit(Arc<str>),
    Remake(Arc<str>),
    AskAgain(Arc<str>),
    /// A person approves the list of this number, or no longer.
    Approve(Arc<str>, u8),
    Withdraw(Arc<str>),
    /// A Backend demands approvals, or no longer.
    Demand(Arc<str>),
    /// What is pending becomes another list.
    ChangeList,
    LoseLedger,
    DeleteDatabase,
    /// A release is disturbed, or undisturbed again.
    Turn(Arc<str>),
    /// A person writes a Migration with the files of this image, or takes one away.
    Write(&'static str),
    Erase(Arc<str>),
    /// The ConfigMap goes, comes or is another.
    ChangeFiles(Files),
    /// A Backend is paused, or goes on.
    Pause(Arc<str>),
}

/// What people may do now.
pub fn deeds(world: &World) -> Vec<Deed> {
    let mut deeds = Vec::new();
    let left = world.left;
    if left.deletions > 0 {
        for name in world.server.jobs.keys() {
            let possible = DELETIONS.into_iter();
            deeds.extend(possible.map(|deletion| Deed::Delete(Arc::clone(name), deletion)));
        }
    }
    if left.nodes > 0 {
        let pods = world.server.pods.iter().enumerate();
        let pods = pods.filter(|(_, pod)| pod.runs && !pod.gone);
        deeds.extend(pods.map(|(index, _)| Deed::LosePod(index)));
    }
    for name in world.server.backends.keys() {
        if left.edits > 0 {
            deeds.push(Deed::Edit(Arc::clone(name)));
        }
        if left.demands > 0 {
            deeds.push(Deed::Demand(Arc::clone(name)));
        }
        if left.turns > 0 {
            deeds.push(Deed::Turn(Arc::clone(name)));
        }
        if left.pauses > 0 {
            deeds.push(Deed::Pause(Arc::clone(name)));
        }
        if left.remakes > 0 {
            deeds.push(Deed::Remake(Arc::clone(name)));
        }
    }
    if left.retries > 0 {
        let names = world.server.migrations.keys().cloned();
        deeds.extend(names.map(Deed::AskAgain));
    }
    for name in world.server.migrations.keys() {
        if left.approvals > 0 {
            let lists = 0..=world.list;
            deeds.extend(lists.map(|list| Deed::Approve(Arc::clone(name), list)));
        }
        if left.withdrawals > 0 && world.approval(name).is_some() {
            deeds.push(Deed::Withdraw(Arc::clone(name)));
        }
    }
    deeds.extend(by_hand::to_write(world).into_iter().map(Deed::Write));
    deeds.extend(by_hand::to_erase(world).into_iter().map(Deed::Erase));
    let files = world.files_to_come().into_iter();
    deeds.extend(files.map(Deed::ChangeFiles));
    if left.changes > 0 {
        deeds.push(Deed::ChangeList);
    }
    if left.losses > 0 {
        deeds.push(Deed::LoseLedger);
    }
    let database = &world.server.database.kept.object.metadata;
    if left.databases > 0 && database.deletion_timestamp.is_none() {
        deeds.push(Deed::DeleteDatabase);
    }
    deeds
}

impl World {
    /// Somebody does it.
    pub fn does(&mut self, deed: &Deed) {
        match deed {
            Deed::Delete(name, deletion) => {
                self.left.deletions -= 1;
                self.user_deletes(name, *deletion);
            }
            Deed::LosePod(index) => {
                self.left.nodes -= 1;
                self.lose_pod(*index);
            }
            Deed::Edit(name) => {
                self.left.edits -= 1;
                self.edit(name);
            }
            Deed::Remake(name) => {
                self.left.remakes -= 1;
                self.remake(name);
            }
            Deed::AskAgain(name) => {
                self.left.retries -= 1;
                let token = self.left.retries;
                self.ask_again(name, token);
            }
            Deed::Approve(name, number) => {
                self.left.approvals -= 1;
                self.approve(name, &digest(*number));
            }
            Deed::Withdraw(name) => {
                self.left.withdrawals -= 1;
                self.withdraw(name);
            }
            Deed::Demand(name) => {
                self.left.demands -= 1;
                self.demand(name);
            }
            Deed::ChangeList => {
                self.left.changes -= 1;
                self.list += 1;
            }
            Deed::LoseLedger => {
                self.left.losses -= 1;
                self.lose_ledger();
            }
            Deed::DeleteDatabase => {
                self.left.databases -= 1;
                self.delete_database();
            }
            Deed::Turn(name) => {
                self.left.turns -= 1;
                let rests = self.undisturbed_since(name).is_none();
                self.turn(name, rests);
            }
            Deed::Write(image) => {
                self.write_by_hand(image);
                self.left.writings -= 1;
            }
            Deed::Erase(name) => {
                self.left.erasures -= 1;
                self.erase(name);
            }
            Deed::ChangeFiles(files) => {
                self.left.files -= 1;
                self.change_files(*files);
            }
            Deed::Pause(name) => {
                self.left.pauses -= 1;
                let paused = self.is_paused(name);
                self.pause(name, !paused);
            }
        }
    }
}
