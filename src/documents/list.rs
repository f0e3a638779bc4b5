//! Reading document forms: the list, latest first; one of them, or the one of a booking.
//!
//! One statement a page, walked by `client_doc_form_pkey` or `client_doc_form_by_status`,
//! deep pages alike. A client's forms are found by `appointments_of_client`. A therapist's page walks the forms of
//! all until it is full, or all of the therapist's bookings where those are few.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::{DocumentForm, select_forms};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        contact::Search,
        ids::{BookingId, ClientId, DocumentFormId, TherapistId},
        status::FormStatus,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which document forms can be listed.
    DocumentFormOrder: NewestFirst = "-link_id", OldestFirst = "link_id"
}

/// Which document forms an admin lists.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AdminFormFilter {
    /// Only those that stand so.
    #[param(inline)]
    status: Option<FormStatus>,
    /// Only those of this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only those of this therapist's bookings.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those of this client's bookings.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those whose client's name, e-mail address or phone (in any notation) holds this; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// Which of the forms of their bookings a therapist lists.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TherapistFormFilter {
    /// Only those that stand so.
    #[param(inline)]
    status: Option<FormStatus>,
    /// Only those of this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only those of this client's bookings.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those whose client's name holds this; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "meera")]
    q: Option<String>,
}

impl From<TherapistFormFilter> for AdminFormFilter {
    fn from(filter: TherapistFormFilter) -> Self {
        let TherapistFormFilter { status, booking_id, client_id, q } = filter;
        Self { status, booking_id, client_id, q, ..Self::default() }
    }
}

/// List document forms
///
/// Latest first. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/document-forms",
    tag = "document-forms",
    params(AdminFormFilter, ("sort" = inline(Option<DocumentFormOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of document forms", content(
            (Page<DocumentForm> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_document_forms(
    scope: Scope,
    Listing { filter, request }: Listing<AdminFormFilter, DocumentFormOrder>,
) -> Result<Response> {
    request.answer(DocumentForms::new(scope, filter)?).await
}

/// List my document forms
///
/// Those of the caller's own bookings, latest first.
#[utoipa::path(
    get,
    path = "/document-forms",
    tag = "document-forms",
    params(
        TherapistFormFilter,
        ("sort" = inline(Option<DocumentFormOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of document forms", content(
            (Page<DocumentForm> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_own_document_forms(
    scope: Scope,
    Listing { filter, request }: Listing<TherapistFormFilter, DocumentFormOrder>,
) -> Result<Response> {
    request.answer(DocumentForms::new(scope, filter.into())?).await
}

/// The forms that a scope reaches and a filter wants.
struct DocumentForms {
    scope: Scope,
    filter: AdminFormFilter,
    search: Option<Search>,
}

impl DocumentForms {
    fn new(scope: Scope, filter: AdminFormFilter) -> Result<Self> {
        let search = filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
        Ok(Self { scope, filter, search })
    }
}

/// Passes the conditions of the list, the clauses after them, and all arguments to a macro that makes a statement of
/// them. A therapist's search term is searched in names only: contact data may be hidden from them.
macro_rules! filtered {
    ($statement:ident, $list:expr, [$($tail:literal)*] $(, $argument:expr)* $(,)?) => {
        $statement!(
            $list.scope.owner(),
            [
                "($2::text is null or internal.form_status(d.status) = $2)
                 and ($3::text is null or d.booking_id = $3)
                 and ($4::text is null or b.therapist_id = $4)
                 and ($5::text is null
                      or d.booking_id = any (array(select session_id from appointment_table where client_id = $5)))
                 and ($6::text is null
                      or internal.search_text(b.invitee_name, b.invitee_email, b.invitee_phone)
                          like any (internal.search_patterns($6)))
                 and ($6::text is null or internal.current_therapist() is null
                      or internal.fold(coalesce(b.invitee_name, ''))
                          like internal.like_words($6)) "
                $($tail)*
            ],
            $list.filter.status.map(FormStatus::as_str),
            $list.filter.booking_id.as_ref().map(BookingId::as_str),
            $list.filter.therapist_id.as_ref().map(TherapistId::as_str),
            $list.filter.client_id.as_ref().map(ClientId::as_str),
            $list.search.as_deref(),
            $($argument),*
        )
    };
}

/// Counts document forms; takes the arguments of [`select_forms`].
macro_rules! count_forms {
    ($owner:expr, [$($tail:literal)+], $($argument:expr),+ $(,)?) => {
        sqlx::query_scalar!(
            r#"select count(*) as "count!"
               from client_doc_form d
               left join bookings b on b.booking_id = d.booking_id
               where ($1::text is null or b.therapist_id = $1)
                 and "# $(+ $tail)+,
            $owner,
            $($argument),+
        )
    };
}

impl List for DocumentForms {
    type Row = DocumentForm;
    type Order = DocumentFormOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        _: DocumentFormOrder,
        position: &Position,
    ) -> Result<Vec<DocumentForm>> {
        macro_rules! page {
            ($beyond:literal, $direction:literal) => {
                filtered!(
                    select_forms,
                    self,
                    [
                        "and ($7::text is null or d.link_id " $beyond " $7::text::integer)
                         order by d.link_id " $direction " limit $8"
                    ],
                    position.sort(),
                    position.limit,
                )
                .fetch_all(db)
                .await
            };
        }
        Ok(if position.descending { page!("<", "desc") } else { page!(">", "asc") }?)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        Ok(filtered!(count_forms, self, []).fetch_one(db).await?)
    }

    fn key(form: &DocumentForm) -> Key {
        form.key()
    }
}

/// Get a document form
#[utoipa::path(
    get,
    path = "/document-forms/{link_id}",
    tag = "document-forms",
    params(("link_id" = DocumentFormId, Path, description = "The form's id")),
    responses(
        (status = 200, description = "The document form", body = DocumentForm),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_document_form(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<DocumentFormId>,
    unless: Preconditions,
) -> Result<Versioned<DocumentForm>> {
    let mut db = app.db.read(&scope).await?;
    let form = DocumentForm::read(&mut db, id).await?;
    Ok(form.versioned().unless(unless))
}

/// Get a booking's document form
///
/// The latest, where there are several.
#[utoipa::path(
    get,
    path = "/bookings/{booking_id}/document-form",
    tag = "document-forms",
    params(("booking_id" = BookingId, Path, description = "The booking's id")),
    responses(
        (status = 200, description = "The document form", body = DocumentForm),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_document_form_of_booking(
    scope: Scope,
    State(app): State<App>,
    Path(booking): Path<BookingId>,
    unless: Preconditions,
) -> Result<Versioned<DocumentForm>> {
    let mut db = app.db.read(&scope).await?;
    let form = DocumentForm::of_booking(&mut db, &scope, &booking).await?;
    Ok(form.versioned().unless(unless))
}
