//! What is there before the first booking: therapists with their figures, users, resources, campaigns, the orphans.

use chrono::TimeDelta;

use super::{HOST, Scribe};
use crate::cli::demo::{
    people::ADMINS,
    planner::Load,
    tables::Table,
    words::{COUPLES, FREE, OFFERS},
};

/// A text that is no hash: nobody logs in with it.
const NO_PASSWORD: &str = "!";

impl Scribe<'_> {
    /// Writes them all.
    pub(in super::super) fn staff(&mut self, loads: &[Load]) {
        self.therapists(loads);
        self.users();
        self.resources();
        self.campaigns();
        self.orphaned_note();
    }

    fn therapists(&mut self, loads: &[Load]) {
        let practice = self.practice;
        let opened = practice.opened();
        for (number, (therapist, load)) in practice.therapists.iter().zip(loads).enumerate() {
            let offer = &OFFERS[number % OFFERS.len()];
            // Every third has no limit; the others have room for more.
            let capacity = if number % 3 == 2 { 0 } else { load.upcoming.next_multiple_of(10) + 20 };
            self.sheets.row(Table::Therapists, |row| {
                row.text(&therapist.id)
                    .text(&therapist.name)
                    .show(format_args!("{}, {}", offer.therapy, COUPLES.therapy))
                    .text(if number % 2 == 0 { &therapist.phone } else { &therapist.email })
                    .show(load.upcoming)
                    .show(capacity)
                    .time(opened);
            });
            self.sheets.row(Table::DashboardStats, |row| {
                row.text(&therapist.id)
                    .show(load.total)
                    .show(load.total - load.cancelled - load.missed)
                    .show(load.cancelled)
                    .show(load.missed)
                    .show(load.upcoming)
                    .time(practice.midnight);
            });
        }
    }

    fn users(&mut self) {
        let practice = self.practice;
        let opened = practice.opened();
        for (username, name) in ADMINS {
            self.sheets.row(Table::Users, |row| {
                row.text(username).text(NO_PASSWORD).text(name).text("admin").time(opened).time(opened);
                row.null().text(name);
            });
        }
        for (number, therapist) in practice.therapists.iter().enumerate() {
            let role = if number % 11 == 10 { "Therapist" } else { "therapist" };
            self.sheets.row(Table::Users, |row| {
                row.text(&therapist.username).text(NO_PASSWORD).text(&therapist.name).text(role);
                row.time(opened).time(opened).text(&therapist.id).text(&therapist.name);
            });
        }
    }

    fn resources(&mut self) {
        let practice = self.practice;
        let opened = practice.opened();
        for (number, therapist) in practice.therapists.iter().enumerate() {
            for offer in [&OFFERS[number % OFFERS.len()], &COUPLES, &FREE] {
                self.sheets.row(Table::Resources, |row| {
                    row.show(offer.id).text(offer.name).text(&therapist.id).text(&therapist.name);
                    row.time(opened).text(offer.therapy);
                });
            }
        }
        for offer in [&FREE, &COUPLES] {
            self.sheets.row(Table::Resources, |row| {
                row.show(offer.id).text(offer.name).text(HOST.0).text(HOST.1).time(opened).text(offer.therapy);
            });
        }
    }

    fn campaigns(&mut self) {
        for (number, therapist) in self.practice.therapists.iter().take(12).enumerate() {
            let offer = &OFFERS[number % OFFERS.len()];
            for campaign in ["booking_link_v1", "session_reminder", "free_consultation"] {
                // The table has no key, and some rows came twice.
                let times = if number == 4 { 2 } else { 1 };
                for _ in 0..times {
                    self.sheets.row(Table::Campaigns, |row| {
                        row.text(campaign).text(offer.therapy).text(&therapist.name);
                    });
                }
            }
        }
    }

    /// A note of a booking that is no more.
    fn orphaned_note(&mut self) {
        let at = self.practice.opened() + TimeDelta::days(3);
        self.sheets.row(Table::SessionNotes, |row| {
            row.text("56430").text("Sample Client").null().text(HOST.1).text("Completed");
            for _ in 0..18 {
                row.null();
            }
            row.text("Continue next week.").time(at).time(at);
        });
    }
}
