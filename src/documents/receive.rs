//! Forms that were filled in, as the form tool tells it.

use serde_json::{Value, json};

use super::model::DocumentForm;
use crate::{
    app::unit_of_work::UnitOfWork,
    clients,
    db::received::{Received, RowChange, Written},
    domain::{
        ids::{BookingId, DocumentFormId},
        status::FormStatus,
    },
    error::Result,
};

/// Completes as many of a booking's forms as were submitted, the latest first; adds one where the booking has none.
///
/// # Errors
///
/// If the data of its client was erased.
pub async fn receive(uow: &mut UnitOfWork, booking: &BookingId, submitted: i64) -> Result<Received> {
    let exists = sqlx::query_scalar!(
        r#"select exists (select from bookings where booking_id = $1) as "exists!""#,
        booking.as_str()
    );
    if !exists.fetch_one(uow.db()).await? {
        return Ok(Received::Missing("the booking is not there yet"));
    }
    clients::ensure_kept_of_booking(uow.db(), booking).await?;
    let forms = sqlx::query!(
        r#"select d.link_id as "link_id: DocumentFormId",
                  to_jsonb(d) as "row!",
                  internal.form_status(d.status) = 'completed' as "completed!"
           from client_doc_form d
           where d.booking_id = $1
           order by d.link_id desc
           for no key update"#,
        booking.as_str(),
    )
    .fetch_all(uow.db())
    .await?;
    let completed = forms.iter().filter(|form| form.completed).count();
    let missing = usize::try_from(submitted).unwrap_or_default().saturating_sub(completed);
    let mut rows = Vec::new();
    for form in forms.iter().filter(|form| !form.completed).take(missing) {
        sqlx::query!("update client_doc_form set status = 'completed' where link_id = $1", form.link_id.0)
            .execute(uow.db())
            .await?;
        rows.push(changed(uow, form.link_id, Some(form.row.clone())).await?);
    }
    if forms.is_empty() {
        let added = sqlx::query_scalar!(
            r#"insert into client_doc_form (booking_id, status)
               values ($1, 'completed')
               returning link_id as "link_id: DocumentFormId""#,
            booking.as_str(),
        )
        .fetch_one(uow.db())
        .await?;
        rows.push(changed(uow, added, None).await?);
    }
    Ok(Received::Written(Written { booking: Some(booking.clone()), rows, contradicts: None }))
}

async fn changed(uow: &mut UnitOfWork, id: DocumentFormId, before: Option<Value>) -> Result<RowChange> {
    let form = DocumentForm::read(uow.db(), id).await?;
    let entry = form.entry("document_form_edit", &format!("{} completed", uow.context().doer()));
    uow.record(entry.detail(json!({ "booking_id": form.booking_id, "to": { "status": FormStatus::Completed } })));
    let after =
        sqlx::query_scalar!(r#"select to_jsonb(d) as "row!" from client_doc_form d where d.link_id = $1"#, id.0)
            .fetch_one(uow.db())
            .await?;
    Ok(RowChange { table: "client_doc_form", before, after })
}
