//! stub
pub mod cache {
    //! stub
    use crate::platform::{error::Result, ids::BookingId, work::UnitOfWork};
    /// stub
    pub struct Before;
    impl Before {
        /// stub
        pub fn nothing() -> Self { Self }
    }
    /// stub
    pub async fn before(_: &mut UnitOfWork, _: &BookingId) -> Result<Before> { Ok(Before) }
    /// stub
    pub async fn follow(_: &mut UnitOfWork, _: &BookingId, _: Before) -> Result<()> { Ok(()) }
}
