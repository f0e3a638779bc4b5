//! SafeStories: the server a therapy practice runs on. One binary over PostgreSQL.
//!
//! # Where things live
//!
//! By feature, then by operation: "where is *cancel a booking*?" `bookings/cancel.rs`, and its tests in
//! `tests/api/bookings/cancel.rs`. Reading one stands with the list (`list.rs`), or beside it where both are too long for a
//! file (`detail.rs`); erasing, merging and repairing a client's rows in `upkeep.rs`, likewise. A feature is a folder, mostly
//! named like its URL; `CONTRIBUTING.md` lists what a new one touches. The tables, functions and policies of the database are
//! in `migrations/`.
//!
//! | module | |
//! |---|---|
//! | [`domain`] | the values of the tables' columns: ids, status words, times, money, phones and e-mail addresses, text |
//! | [`error`] | the one error type, and the problem documents it becomes |
//! | [`crypto`] | password hashes, signing keys, sealed values |
//! | [`outgoing`] | requests to other services: the one HTTP client, and which addresses it connects to |
//! | [`razorpay`] | the requests to the payment gateway, and its answers |
//! | [`db`] | the pool; the scope of a connection and its row-level security (policies: `migrations/policies.sql`); statements that run pruned; running migrations |
//! | [`audit`] | audit entries: written with each commit (SQL `internal.write_trail`), chained, signed, exported, verified, erased |
//! | [`app`] | the state shared by all requests; the unit of work; idempotency; notifications between instances |
//! | [`http`] | extractors, lists, CSV, entity tags; the layers: telemetry, panics, browser headers, caller and scope, audit of refused requests |
//! | [`notifications`] | notifications to users, in the transaction of what caused them |
//! | [`dashboards`] | the derived tables and the figures read from them |
//! | [`campaigns`] | which marketing campaign belongs to which therapy |
//! | [`users`], [`auth`], [`accounts`] | users; logins, tokens, second factors; how admins make, change and confirm accounts |
//! | [`therapists`], [`clients`] | who holds sessions; which rows are one person, and completing bookings of other programs (`clients::appointment`) |
//! | [`messages`] | messages to clients, by `WhatsApp` and mail: written with what caused them, sent by a task |
//! | [`booking_requests`] | booking requests: links sent to people who have not booked yet |
//! | [`payments`] | payments and refunds |
//! | [`scheduling`] | therapists' hours, free times, holds; whether a session may take a time |
//! | [`bookings`] | the sessions: the model resource, complete |
//! | [`payment_links`] | links by which clients pay for bookings through the gateway |
//! | [`booking_links`] | the page on which clients book, pay, move and cancel by themselves |
//! | [`notes`], [`documents`] | the clinical record; the forms that clients fill in |
//! | [`search`] | one search box across clients, bookings and therapists |
//! | [`transfers`], [`merges`] | clients that change therapists; two records of one person |
//! | [`break_glass`] | how an admin reads clinical text: grants, reads, reviews |
//! | [`arrivals`] | what other programs write, and what services send ([`arrivals::inbox`]): taken up within a second, as the operations here would have written it |
//! | [`webhooks`] | events that are sent to other systems |
//! | [`privacy`] | export and erasure of a client's data; the log of who read it |
//! | [`audit_logs`], [`integrity`] | reading the audit trail; adopting existing tables, checks and repairs of their rows |
//! | [`api`] | all routes and the layers around them; the OpenAPI document (`api::document`) |
//! | [`dev`] | the private PostgreSQL, the demo practice (`dev::demo`: SQL), writing `.sqlx` |
//! | [`cli`] | the commands of the program |
//!
//! A module uses only what stands above it in this table, and its files do not use each other in a circle. Every table of
//! the database is written by one folder, read by any. All three are tests (`tests/api/architecture`).
//!
//! The unit of work stands in [`app`], not in [`db`]: it contains the state of the program and writes audit entries, on
//! neither of which [`db`] depends.
//!
//! # What happens to a request
//!
//! ```text
//! request ─ telemetry ─ auth guard ─ audit ─── role ── handler ─────► operation ──► SQL
//!           id, span    Caller       context   Scope   Work, values   rules         query!
//!                       or 401       and body          run ◄───────── record()
//!                       every failure ◄── Error ◄── Refusal | sqlx::Error ── problem+json
//! ```
//!
//! - The **handler** is HTTP: it takes its [`Scope`](db::scope::Scope), a right to
//!   [`Work`](app::unit_of_work::Work), and values that have been checked by their types; its work is run in one transaction. The
//!   **operation** builds no answer: it takes `&mut UnitOfWork`, so that operations compose in one transaction.
//!   SQL stands where it is used, and is checked at compile time. A read that nobody else needs *is* its handler. There
//!   are no repositories, services, or traits with one implementation.
//! - A **unit of work** ([`app::unit_of_work`]) is one request, one transaction, one instant, one audit context. A commit
//!   with nothing recorded is refused, and the audit entries are written last.
//! - A **scope** is the only way to therapist-owned rows: [`Scope::Practice`](db::scope::Scope::Practice) on admin
//!   routes, [`Scope::Own`](db::scope::Scope::Own) on therapist routes, both with the same queries. A row
//!   outside the scope does not exist: 404, as for an unknown id.
//! - Behind the scope stands **row-level security** ([`db::rls`]): therapists' requests log in as a database role that
//!   policies limit to their rows, so that a forgotten condition shows nobody else's row.
//! - **Locks** are `for no key update`, in the order therapists (by id), client, booking, payments. A request that
//!   loses to another transaction nevertheless is run again from the start by [`http::audit::layer`], which has the body.
//! - **Words, times, phones and money** of the 20 tables are read by SQL functions of the schema `internal` for words (a
//!   condition and an answer then agree), and by [`domain::time`], [`domain::contact`] and [`domain::money`]. Text is compared
//!   and searched in one folded form (`internal.fold`), what is stored and what is asked alike; `internal.phone_key`,
//!   `internal.email_key` and `internal.name_key` alone say which phones, addresses and names are the same.
//! - **Facts** ([`dashboards::cache`]) are what a row means, worked out where it is written: lists, counts and figures read
//!   these narrow tables and join the wide rows last. The statement of a list stands once, with every filter and order, and
//!   runs [pruned](db::pruned) to what the request uses.
//! - What reads whole tables is no request's work: a task finds it, and requests read what is [kept](app::reports).
//! - Every list answers through [`http::list`], every single resource through [`http::etag`], every failure
//!   through [`error`].
//!
//! # The schema
//!
//! `public` holds exactly the 20 tables that other programs know; all else is in `internal`, which has no foreign key into
//! `public`. A row another program wrote is never an error: what cannot be read is null, and an operation first completes
//! the booking it touches: [`clients::lock_of_booking`] its client and appointment, `payments::complete` its payment.

// The example of a booking alone has more fields than the macro that reads it may nest by default.
#![recursion_limit = "256"]

pub mod accounts;
pub mod api;
pub mod app;
pub mod arrivals;
pub mod audit;
pub mod audit_logs;
pub mod auth;
pub mod booking_links;
pub mod booking_requests;
pub mod bookings;
pub mod break_glass;
pub mod campaigns;
pub mod cli;
pub mod clients;
pub mod crypto;
pub mod dashboards;
pub mod db;
pub mod dev;
pub mod documents;
pub mod domain;
pub mod error;
pub mod http;
pub mod integrity;
pub mod merges;
pub mod messages;
pub mod notes;
pub mod notifications;
pub mod outgoing;
pub mod payment_links;
pub mod payments;
pub mod privacy;
pub mod razorpay;
pub mod scheduling;
pub mod search;
pub mod therapists;
pub mod transfers;
pub mod users;
pub mod webhooks;
