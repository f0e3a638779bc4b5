//! Erasing a person from booking requests.

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ClientRows, ERASED, Erased},
    domain::status::RequestStatus,
    error::Result,
};

/// Takes name, phone, address and link out of a client's requests. One that is still open is closed: the link that was
/// sent leads nowhere any more.
pub async fn erase(uow: &mut UnitOfWork, theirs: &ClientRows) -> Result<Vec<Erased>> {
    sqlx::query!(
        "update booking_requests
         set client_name = $2,
             client_whatsapp = $2,
             client_email = null,
             booking_link = null,
             status = case internal.request_status(status) when $3 then $4 else status end
         where request_id = any ($1)",
        &theirs.requests,
        ERASED,
        RequestStatus::Sent.as_str(),
        RequestStatus::Expired.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(vec![
        Erased::anonymised(
            "booking_requests",
            &theirs.requests,
            &["client_name", "client_whatsapp", "client_email", "booking_link", "status"],
            "The practice's figures count the requests; an open one is closed.",
        ),
        Erased::kept("internal.request_clients", &theirs.requests, "Ids only: which request was about which record."),
    ])
}
