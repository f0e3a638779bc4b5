//! For developers and newcomers: the private PostgreSQL, the demo practice, and the upkeep of `.sqlx`.

pub mod demo;
pub mod embedded;
pub mod prepare;
