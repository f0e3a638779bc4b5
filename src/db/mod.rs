//! PostgreSQL: connections, the rows that they reach, and migrations.

pub mod checkout;
mod connector;
pub mod deadline;
pub mod erasure;
pub mod found;
pub mod migrate;
pub mod pool;
pub mod pruned;
pub mod received;
pub mod repair;
pub mod rls;
pub mod scope;
