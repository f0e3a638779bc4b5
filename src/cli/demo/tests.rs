//! The rows without a database.

use std::collections::{BTreeSet, HashSet};

use super::{
    Practice, Size,
    sheets::LastIds,
    tables::Table,
    timeline::{Batch, Timeline},
};
use crate::platform::time::{Clock, Zone, text::parse_invitee_time};

fn batches(bookings: u64, now: &str) -> Vec<Batch> {
    let practice = Practice::new(Size { bookings }, now.parse().expect(now));
    Timeline::new(&practice, LastIds::default()).collect()
}

/// The rows of one table as texts by column, NULL as `\N`.
fn rows(batches: &[Batch], wanted: Table) -> Vec<Vec<&str>> {
    batches
        .iter()
        .flat_map(|batch| &batch.rows)
        .filter(|(table, _)| *table == wanted)
        .flat_map(|(_, text)| std::str::from_utf8(text).expect("UTF-8").lines())
        .map(|line| line.split('\t').collect())
        .collect()
}

/// The different values in one column.
fn values<'a>(rows: &[Vec<&'a str>], column: usize) -> BTreeSet<&'a str> {
    rows.iter().map(|row| row[column]).collect()
}

fn text(batches: &[Batch], left_out: &[Table]) -> Vec<u8> {
    let rows = batches.iter().flat_map(|batch| &batch.rows);
    rows.filter(|(table, _)| !left_out.contains(table)).flat_map(|(_, text)| text).copied().collect()
}

#[test]
fn the_same_moment_gives_the_same_bytes() {
    let once = text(&batches(3_000, "2026-02-04T06:10:00Z"), &[]);
    assert!(once == text(&batches(3_000, "2026-02-04T06:10:00Z"), &[]));
    assert!(once != text(&batches(3_000, "2026-02-05T06:10:00Z"), &[]));
    assert!(once != text(&batches(3_001, "2026-02-04T06:10:00Z"), &[]));
}

#[test]
fn the_time_of_the_day_shows_only_in_what_counts_by_the_clock() {
    let by_the_clock = [Table::Therapists, Table::DashboardStats];
    let morning = text(&batches(3_000, "2026-02-03T18:30:00Z"), &by_the_clock);
    assert!(morning == text(&batches(3_000, "2026-02-04T18:29:59Z"), &by_the_clock));
}

#[test]
fn a_practice_has_as_many_bookings_as_asked_for() {
    for bookings in [1, 2, 10, 149, 1_000, 10_007] {
        let batches = batches(bookings, "2026-02-04T06:10:00Z");
        let rows = rows(&batches, Table::Bookings);
        assert_eq!(rows.len() as u64, bookings);
        assert_eq!(values(&rows, 38).len() as u64, bookings, "each has an id of its own");
        assert_eq!(batches.last().expect("a batch").bookings, bookings);
    }
}

#[test]
fn every_row_has_a_value_for_every_column() {
    let batches = batches(3_000, "2026-02-04T06:10:00Z");
    for table in Table::all() {
        let columns = table.copy_statement().matches(',').count() + 1;
        let rows = rows(&batches, table);
        assert!(!rows.is_empty(), "{table:?}");
        assert!(rows.iter().all(|row| row.len() == columns), "{table:?}");
    }
}

#[test]
fn every_spelling_is_there() {
    let batches = batches(3_000, "2026-02-04T06:10:00Z");
    let of = |table, column: usize| values(&rows(&batches, table), column);
    let has = |found: BTreeSet<&str>, wanted: &[&str]| {
        let missing: Vec<_> = wanted.iter().filter(|word| !found.contains(**word)).collect();
        assert!(missing.is_empty(), "{missing:?} missing among {found:?}");
    };
    has(
        of(Table::Bookings, 21),
        &[
            "confirmed",
            "Confirmed",
            "CONFIRMED",
            "rescheduled",
            "Rescheduled",
            "cancelled",
            "canceled",
            "Cancelled",
            "CANCELED",
            "no_show",
            "no show",
            "no-show",
            "No Show",
            "completed",
            "Completed",
            "COMPLETED",
        ],
    );
    has(of(Table::Bookings, 12), &["confirmed", "waiting", "Waiting", "cancelled", "canceled"]);
    has(of(Table::Bookings, 17), &["\\N", "0", "0.00", "1700.00", "1700", "2500.00"]);
    has(of(Table::Bookings, 26), &["google_meet", "in_person", "phone", "Google Meet", "physical", "online", "\\N"]);
    assert!(of(Table::Bookings, 26).iter().any(|mode| mode.starts_with("In-person (")));
    let refunds = ["initiated", "processing", "completed", "failed", "processed", "requested", "Initiated", "FAILED"];
    for column in [(Table::Bookings, 41), (Table::Payments, 11)] {
        has(of(column.0, column.1), &refunds);
        has(of(column.0, column.1), &["\\N"]);
    }
    has(of(Table::Refunds, 7), &refunds);
    has(of(Table::Refunds, 7), &["Pending"]);
    has(of(Table::SessionNotes, 19), &["none", "None", "low", "moderate", "high", "High", "\\N"]);
    has(of(Table::DocForms, 3), &["pending", "completed", "Completed", "no_show", "no show", "\\N"]);
    has(of(Table::Requests, 7), &["sent", "booked", "expired"]);
    has(of(Table::Users, 4), &["admin", "therapist", "Therapist"]);
    has(of(Table::Bookings, 3), &["na", "none", "", "\\N"]);
    has(
        of(Table::Notifications, 3),
        &[
            "new_booking",
            "new_booking_request",
            "booking_cancelled",
            "booking_rescheduled",
            "no_show",
            "client_transfer",
            "client_transfer_in",
            "client_transfer_out",
            "session_notes_submitted",
            "refund_requested",
            "refund_processed",
            "sos_ticket",
            "risk_raised",
        ],
    );
    has(
        of(Table::AuditLogs, 3),
        &[
            "login",
            "logout",
            "session_notes",
            "booking_cancel",
            "client_transfer",
            "copy_appointment",
            "send_whatsapp",
            "raise_sos",
            "client_contact_edit",
        ],
    );
    let audited = of(Table::AuditLogs, 8);
    assert!(audited.iter().any(|time| time.ends_with("IST")) && audited.iter().any(|time| time.ends_with('Z')));
    has(of(Table::SessionNotes, 1), &["56430"]);
    has(of(Table::Resources, 3), &["58605"]);
    assert!(!of(Table::Therapists, 1).contains("58605") && !of(Table::Bookings, 38).contains("56430"));
}

#[test]
fn what_a_row_points_at_was_loaded_before_it() {
    let batches = batches(24_000, "2026-02-04T06:10:00Z");
    assert!(batches.len() > 2, "more than one batch");
    let mut known: [HashSet<&str>; 4] = Default::default();
    let mut pairs = HashSet::new();
    let [bookings, clients, therapists, users] = &mut known;
    for (table, text) in batches.iter().flat_map(|batch| &batch.rows) {
        for row in std::str::from_utf8(text).expect("UTF-8").lines().map(|line| line.split('\t').collect::<Vec<_>>()) {
            let holds = match table {
                Table::Therapists => therapists.insert(row[1]),
                Table::Users => users.insert(row[0]) && (row[7] == "\\N" || therapists.contains(row[7])),
                Table::Clients => clients.insert(row[0]) && (row[5] == "\\N" || therapists.contains(row[5])),
                Table::Bookings => bookings.insert(row[38]) && (row[50] == "\\N" || therapists.contains(row[50])),
                Table::Appointments => bookings.contains(row[0]) && clients.contains(row[4]),
                Table::Payments | Table::Cancellations | Table::AdditionalNotes | Table::DocForms => {
                    bookings.contains(row[1])
                }
                Table::SessionNotes => bookings.contains(row[1]) || row[1] == "56430",
                Table::Refunds => clients.contains(row[1]) && bookings.contains(row[3]),
                Table::Transfers => therapists.contains(row[4]) && therapists.contains(row[6]),
                Table::Notifications => users.contains(row[1]),
                Table::AuditLogs => row[1] == "\\N" || therapists.contains(row[1]),
                Table::DashboardStats | Table::ClientsSummary | Table::AppointmentsCache => therapists.contains(row[1]),
                Table::CachedClients => pairs.insert((row[0], row[1])),
                _ => true,
            };
            assert!(holds, "{table:?}: {row:?}");
        }
    }
}

#[test]
fn a_therapist_is_never_double_booked_and_works_from_nine_to_eight() {
    let batches = batches(12_000, "2026-02-04T06:10:00Z");
    let closed = ["cancelled", "canceled", "no_show", "no show", "no-show"];
    let mut sessions: Vec<_> = rows(&batches, Table::Bookings)
        .into_iter()
        .filter(|row| row[50] != "\\N" && !closed.contains(&row[21].to_lowercase().as_str()))
        .map(|row| (row[50], row[33], row[34]))
        .collect();
    sessions.sort_unstable();
    assert!(sessions.windows(2).all(|pair| pair[0].0 != pair[1].0 || pair[0].2 <= pair[1].1));
    // 09:00 and 20:00 in India.
    assert!(sessions.iter().all(|(_, start, end)| &start[11..] >= "03:30:00" && &end[11..] <= "14:30:00"));
}

#[test]
fn somebody_is_in_a_session_at_nearly_any_hour_of_today() {
    for today in ["2026-02-04", "2026-02-08"] {
        let batches = batches(3_000, &format!("{today}T06:10:00Z"));
        let bookings = rows(&batches, Table::Bookings);
        let live = |minute: usize| {
            let at = format!("{today} {:02}:{:02}:00", (210 + minute) / 60, (210 + minute) % 60);
            bookings.iter().any(|row| row[33] <= at.as_str() && row[34] > at.as_str())
        };
        let minutes = (0..650).filter(|minute| live(*minute)).count();
        assert!(minutes > 600, "{today}: {minutes} of 650");
    }
}

#[test]
fn the_clients_text_names_the_instant_of_the_session() {
    let batches = batches(3_000, "2026-02-04T06:10:00Z");
    let (mut zones, mut missing) = (HashSet::new(), 0);
    for row in rows(&batches, Table::Bookings) {
        if row[28] == "\\N" {
            missing += 1;
            continue;
        }
        let (start, _) = parse_invitee_time(row[28]).expect(row[28]);
        assert_eq!(start.naive_utc().to_string(), row[33]);
        zones.insert(row[28].rsplit_once(' ').expect("a zone").1);
    }
    assert!(missing > 0 && zones.contains("IST") && zones.len() > 5, "{missing}, {zones:?}");
}

#[test]
fn nothing_but_sessions_lies_ahead() {
    let now = Clock::Manual(std::sync::Arc::new(1_770_185_400_000_000.into())).now();
    let batches = batches(3_000, &now.to_rfc3339());
    let midnight = Zone::INDIA.day_start(Zone::INDIA.date(now)).naive_utc().to_string();
    let bookings = rows(&batches, Table::Bookings);
    for column in [9, 10, 19, 43] {
        assert!(values(&bookings, column).iter().all(|at| *at == "\\N" || *at < midnight.as_str()));
    }
    assert!(bookings.iter().filter(|row| row[33] > midnight.as_str()).count() > 100);
}
