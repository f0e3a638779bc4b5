//! Keeps the derived tables and columns in step with the bookings.
//!
//! A booking is *active* unless it is cancelled or a no-show (`internal.is_active`). Then:
//!
//! | derived | holds |
//! |---|---|
//! | `therapist_dashboard_stats` | per therapist, of all times: `total_sessions` bookings, of which `cancelled_sessions`, `no_shows`, and `confirmed_sessions` the rest; `upcoming_bookings` active ones that start later than now |
//! | `therapist_clients_summary` | per therapist and client with an active booking together: the client's record's name, e-mail and phone, `total_sessions` active bookings, `last_session_date` the latest start among them |
//! | `therapist_appointments_cache` | per booking with a therapist: the columns that a list shows, its status and mode in the written words |
//! | `therapists.sessions_booked` | the same as `upcoming_bookings` |
//! | `all_clients_table.no_of_sessions` | the client's active bookings, through `appointment_table` |
//! | `appointment_table` | per booking with a client: the booking's columns. Whose session it is, `client_id`, and the name that the therapist had stand nowhere else |
//! | `internal.booking_facts` | per booking: how it counts, and its money, which is that of its rows in `payments` (`migrations/functions/facts.sql`) |
//! | `internal.booking_sums` | per week, therapist and kind: how many bookings |
//! | `internal.therapist_weeks` | per week and therapist: sessions, and money |
//! | `internal.client_facts`, `internal.therapist_client_facts` | per client, and per therapist and client that know each other: what the bookings come to |
//!
//! `migrations/functions/derived.sql` defines them in SQL, as full recomputations. A row missing from
//! `therapist_dashboard_stats` stands for zeros.
//!
//! After every write they equal a recomputation: of this server at its commit, of another program within a second.
//! Triggers track what each statement wrote (`migrations/functions/changes.sql`), and the caches follow from that
//! (`internal.follow_changes`): the therapist's counts change by the difference that the booking makes; the therapist's
//! upcoming bookings and the client's sessions are counted anew, by index. So the cost grows with the upcoming bookings and
//! with one client's history, never with a therapist's. The number of upcoming bookings also changes with the clock: it is
//! refreshed for the therapists that a write touches, and computed when it is read.
//!
//! The tables have no keys that link a row to its booking or client: `internal.appointments_cache_rows` and
//! `internal.clients_summary_rows` do. Rows that other programs wrote into the caches themselves are corrected by
//! [`rebuild()`], and [`drift()`] counts them.
//!
//! Two writes to one therapist or client must not count at the same moment, each without the other. Therefore
//! therapists (by id), then clients, are locked before they are counted. Operations have taken these locks already,
//! before the booking's, so that they cannot deadlock. What other programs wrote about somebody whose row is held is followed
//! when it is free, so that nobody else's caches wait.

mod backfill;
mod change;
mod drift;
mod rebuild;

pub use self::{
    backfill::{Backfill, backfill, backfill_under_way},
    change::{erase_foreign, follow, follow_others},
    drift::{Drift, drift},
    rebuild::{Rebuilt, rebuild},
};
