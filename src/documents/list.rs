//! Reading document forms: the list, latest first; one of them, or the one of a booking.
//!
//! They are walked by `client_doc_form_pkey` or `client_doc_form_by_status`, or found by `appointments_of_client` for a client. For a
//! therapist or a search the facts of bookings are looked up, or those of the forms on the way, whichever are fewer.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::DocumentForm;
use crate::{
    app::state::App,
    db::{pruned::pruned, scope::Scope},
    domain::{
        contact::Search,
        ids::{BookingId, ClientId, DocumentFormId, TherapistId},
        status::FormStatus,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{AnyOf, Path},
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
    #[serde(default)]
    #[param(value_type = Option<Vec<FormStatus>>, inline, style = Form, explode = false)]
    status: AnyOf<FormStatus>,
    /// Only those of this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only those of this therapist's bookings.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those of this client's bookings.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those whose client's name, e-mail address or phone (in any notation) holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// Which of the forms of their bookings a therapist lists.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TherapistFormFilter {
    /// Only those that stand so.
    #[serde(default)]
    #[param(value_type = Option<Vec<FormStatus>>, inline, style = Form, explode = false)]
    status: AnyOf<FormStatus>,
    /// Only those of this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only those of this client's bookings.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those whose client's name holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
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

/// The forms that a scope reaches and a filter wants. A therapist's search term is searched in names only: contact data may be
/// hidden from them.
pub(super) struct DocumentForms {
    link_id: Option<DocumentFormId>,
    scope: Scope,
    filter: AdminFormFilter,
    search: Option<Search>,
}

impl DocumentForms {
    fn new(scope: Scope, filter: AdminFormFilter) -> Result<Self> {
        let search = filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
        Ok(Self { link_id: None, scope, filter, search })
    }

    /// One form.
    pub(super) fn one(id: DocumentFormId) -> Self {
        Self { link_id: Some(id), scope: Scope::Practice, filter: AdminFormFilter::default(), search: None }
    }

    /// The forms of a booking of the scope.
    pub(super) fn of_booking(scope: &Scope, booking: &BookingId) -> Self {
        let filter = AdminFormFilter { booking_id: Some(booking.clone()), ..AdminFormFilter::default() };
        Self { link_id: None, scope: scope.clone(), filter, search: None }
    }
}

impl List for DocumentForms {
    type Row = DocumentForm;
    type Order = DocumentFormOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: DocumentFormOrder,
        position: &Position,
    ) -> Result<Vec<DocumentForm>> {
        let search = self.search.as_deref();
        let forms = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(DocumentForm),
            [r#"
                select d.link_id as "link_id: DocumentFormId",
                       d.booking_id as "booking_id: BookingId",
                       d.paperform_link,
                       internal.form_status(d.status) as "status!",
                       a.client_id as "client_id?: ClientId",
                       coalesce(b.invitee_name, a.client_name) as client_name,
                       b.therapist_id as "therapist_id?: TherapistId",
                       coalesce(t.name, b.booking_host_name) as therapist_name,
                       b.booking_start_at as "booking_start_at!: Timestamp",
                       d.xmin::text as "version!"
                from ( -- counted
                    select d.link_id
                    from client_doc_form d
                    left join internal.booking_facts f on f.booking_id = d.booking_id
                    where true
                      and d.link_id = $1
                      and f.therapist_id = $2 -- planned anew
                      and internal.form_status(d.status) = $3 -- planned anew
                      and internal.form_status(d.status) = any ($11::text[]) -- planned anew
                      and d.booking_id = $4
                      and f.therapist_id = $5 -- planned anew
                      and d.booking_id in (select a.session_id from appointment_table a where a.client_id = $6)
                      and f.search like any (internal.search_patterns($7)) -- planned anew
                      and f.name like any (internal.like_words($8)) -- planned anew
                      and d.link_id < $9::text::integer -- by any
                    order by
                        d.link_id desc -- by any
                    limit $10
                ) u
                join client_doc_form d on d.link_id = u.link_id
                left join bookings b on b.booking_id = d.booking_id
                left join lateral internal.appointment_of(d.booking_id) a on true
                left join lateral (
                    select t.name from therapists t where t.therapist_id = b.therapist_id order by t.id limit 1
                ) t on true
                order by
                    d.link_id desc -- by any
            "#],
            self.link_id.map(|id| id.0),
            self.scope.owner(),
            self.filter.status.word(),
            self.filter.booking_id.as_ref().map(BookingId::as_str),
            self.filter.therapist_id.as_ref().map(TherapistId::as_str),
            self.filter.client_id.as_ref().map(ClientId::as_str),
            search.filter(|_| self.scope.is_practice()),
            search.filter(|_| !self.scope.is_practice()),
            position.sort(),
            position.limit,
            self.filter.status.several() => Option<Vec<&str>>,
        )?;
        Ok(forms)
    }

    fn key(form: &DocumentForm) -> Key {
        form.key()
    }
}

impl DocumentForm {
    /// One form.
    pub(super) async fn read(db: &mut PgConnection, id: DocumentFormId) -> Result<Self> {
        DocumentForms::one(id).first(db).await?.ok_or(Error::NotFound("document form"))
    }

    /// The latest form of a booking of the scope.
    pub(super) async fn of_booking(db: &mut PgConnection, scope: &Scope, booking: &BookingId) -> Result<Self> {
        if !booking.is_possible() {
            return Err(Error::NotFound("document form"));
        }
        DocumentForms::of_booking(scope, booking).first(db).await?.ok_or(Error::NotFound("document form"))
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
