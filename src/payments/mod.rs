//! stub
use crate::platform::{error::Result, ids::BookingId, work::UnitOfWork};
/// stub
pub async fn record_for_booking(_: &mut UnitOfWork, _: &BookingId) -> Result<()> { Ok(()) }
/// stub
pub async fn cancellation_entry(_: &mut UnitOfWork, _: &BookingId) -> Result<()> { Ok(()) }
/// stub
pub async fn drop_cancellation_entry(_: &mut UnitOfWork, _: &BookingId) -> Result<()> { Ok(()) }
pub mod refund {
    //! stub
    use crate::platform::{error::Result, ids::BookingId, work::UnitOfWork, money::AmountInput};
    /// stub
    pub async fn open(_: &mut UnitOfWork, _: &BookingId, _: Option<AmountInput>) -> Result<()> { Ok(()) }
}
