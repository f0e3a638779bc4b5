//! What other programs write: within a second it gets what the operations here would have given it.
//!
//! Every booking of the practice arrives by SQL, from the scheduling provider; so do its changes, payments, refunds, notes and
//! requests. Triggers track them in the writer's own transaction (`migrations/functions/changes.sql`). A worker of every
//! instance looks for them four times a second: a notification of PostgreSQL in another program's transaction would break its
//! two-phase commit. First the caches follow ([`cache`](crate::dashboards::cache)), then each booking is taken up: several
//! changes of one before the worker comes are one arrival, the difference between what was last taken up and what is.
//!
//! A booking, or a request, is one transaction, claimed by locking its arrivals: one effect, however many instances try and
//! however often. What fails is tried again, later each time; after the last try it stays, and `integrity` shows it. Of a load
//! nobody is notified; it is taken up in parts, many bookings in one transaction, and whatever else arrives goes before.

pub mod inbox;
mod take_up;
mod worker;

pub use self::worker::{retry, run, take_up_all};
