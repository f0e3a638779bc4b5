//! SafeStories: the server a therapy practice runs on. One binary over PostgreSQL.
//!
//! # Where things live
//!
//! By feature, then by operation: "where is *cancel a booking*?" `bookings/cancel.rs`, and its tests in
//! `tests/api/bookings/cancel.rs`. A feature is a folder named like its URL; a new one is that folder and a line in
//! [`api`].
//!
//! | module | |
//! |---|---|
//! | [`platform`] | what every feature stands on; knows no feature |
//! | [`notifications`] | telling users what happened, in the transaction that does it |
//! | [`dashboards`] | the derived tables, kept in step with every change |
//! | [`campaigns`] | which marketing campaign belongs to which therapy |
//! | [`users`], [`auth`] | who may log in; logins, tokens, second factors |
//! | [`therapists`], [`clients`] | who holds sessions; who is one person |
//! | [`requests`] | booking links sent to people who have not booked yet |
//! | [`payments`] | what was paid, what goes back |
//! | [`bookings`] | the sessions: the model resource, whole |
//! | [`notes`], [`documents`] | the clinical record; the forms that clients fill in |
//! | [`searches`] | one search box across clients, bookings and therapists |
//! | [`care`] | what spans features: transfer, merge, break-glass, export, erasure |
//! | [`audit_logs`], [`integrity`] | reading the trail; what is wrong with the data, and its repair |
//! | [`api`] | the table of contents, the layers around the routes, the OpenAPI document |
//! | [`dev`] | the demo data |
//! | [`cli`] | the commands of the program |
//!
//! A module uses only what stands above it in this table (`platform` first), and every table of the database is written
//! by one folder, read by any. Both are tests (`tests/api/architecture`), as is the size of files.
//!
//! # What happens to a request
//!
//! ```text
//! request ─ telemetry ─ auth guard ─ audit trail ─ role ─ handler ─────► operation ──► SQL
//!           id, span    Caller       body, Trail   Scope  Work, values   rules         query!
//!                       or 401                            begin…commit ◄─ record()
//!                       every failure ◄── Error ◄── Refusal | sqlx::Error ── problem+json
//! ```
//!
//! - The **handler** is HTTP: it takes its [`Scope`](platform::caller::Scope), a right to
//!   [`Work`](platform::work::Work), and values that have been checked by their types; it begins and commits. The
//!   **operation** knows no HTTP: it takes `&mut UnitOfWork`, so that the command line and other features can use it.
//!   SQL stands where it is used, and is checked at compile time. A read that nobody else needs *is* its handler. There
//!   are no repositories, services, or traits with one implementation.
//! - A **unit of work** ([`platform::work`]) is one request, one transaction, one instant, one trail. What is not recorded
//!   is not committed, and the trail is written last.
//! - A **scope** is the only way to therapist-owned rows: [`Scope::Practice`](platform::caller::Scope::Practice) on admin
//!   routes, [`Scope::Own`](platform::caller::Scope::Own) on therapist routes, both with the same queries. What is not in
//!   scope does not exist: 404, as for an id nobody made up.
//! - Behind the scope stands a **second wall** ([`platform::wall`]): therapists' requests run under a database role that
//!   row-level security binds to their rows, so that a forgotten condition shows nothing to anybody.
//! - **Locks** are `for no key update`, in the order therapists (by id), client, booking, payments. What still loses to
//!   another transaction is run again from the start by [`platform::audit::trail`], which holds the body.
//! - **Words, times, phones and money** of the 20 tables are understood in one place each: SQL functions of the schema
//!   `internal` for words (a condition and an answer then agree), [`platform::time`], [`platform::contact`] and
//!   [`platform::money`] for the rest.
//! - Every list answers through [`platform::page`], every single resource through [`platform::etag`], every failure
//!   through [`platform::error`].
//!
//! # The schema
//!
//! `public` holds exactly the 20 tables that other programs know; all else is in `internal`, which has no foreign key into
//! `public`. A row another program wrote is never an error: what cannot be read is null, and an operation first completes
//! the booking it touches (client, appointment, payment). See [`platform::migrations`] for adoption.

// The example of a booking alone has more fields than the macro that reads it may nest by default.
#![recursion_limit = "256"]

pub mod api;
pub mod audit_logs;
pub mod auth;
pub mod bookings;
pub mod campaigns;
pub mod care;
pub mod cli;
pub mod clients;
pub mod dashboards;
pub mod dev;
pub mod documents;
pub mod integrity;
pub mod notes;
pub mod notifications;
pub mod payments;
pub mod platform;
pub mod requests;
pub mod searches;
pub mod therapists;
pub mod users;
