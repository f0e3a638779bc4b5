//! Booking, moving and cancelling by a link: as a form, answered with a redirect to the page, or as JSON.

use axum::{
    body::Body,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use http_body_util::BodyExt;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::{PartialSchema, ToSchema};

use super::{
    open::{self, BookingLink, Days, Opened},
    page::{self, Alert},
    refusal::{LinkRefusal, as_told, next_of},
    show::{Token, failed, html, unseen, wants_json},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    bookings::{self, LinkChoice},
    domain::{
        ids::PaymentLinkId,
        status::{BookingState, Channel},
        text::Text,
        time::{Instant, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{extract::Json, telemetry::ClientAddress},
    payment_links::{self, LinkTerms},
};

/// How long a session can be paid that is paid first.
const PAYABLE: TimeDelta = TimeDelta::minutes(30);

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

/// The time that a client has chosen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "booking_start_at": "2035-02-08T16:00:00+05:30", "invitee_timezone": "Asia/Kolkata", "consents": ["whatsapp"]
}))]
pub(super) struct BookByLink {
    /// When the session starts: one of the times that the link shows.
    booking_start_at: Instant,
    /// The client's time zone, an IANA name; the practice's unless given.
    #[schema(value_type = Option<String>, example = "Asia/Kolkata")]
    invitee_timezone: Option<Zone>,
    /// The channels on which the client agrees to get messages about the session. One that is left out stays as it is.
    #[schema(max_items = 2)]
    consents: Option<Vec<Channel>>,
}

/// Another time that a client has chosen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "booking_start_at": "2035-02-09T16:00:00+05:30" }))]
pub(super) struct MoveByLink {
    /// When the session starts now: one of the times that the link shows.
    booking_start_at: Instant,
}

/// Why a client calls a session off.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "I am travelling" }))]
pub(super) struct CancelByLink {
    /// Kept with the booking and shown to its therapist.
    reason: Option<Text<2000>>,
}

/// Book by a link
///
/// Once; a repeat with the same time answers with the session. A price is kept as awaited (`waiting`). Where the practice has sessions
/// paid first (`pays_first`), the time is held while the client pays at `booking.payment.payment_url`, 30 minutes, and two more; a
/// repeat gives the same address. The link has booked once it is paid; where it is not paid in time, it books again. Forms send the
/// same fields (`application/x-www-form-urlencoded`) and are answered with a redirect to the page, or to the payment. Where somebody
/// else was faster, the problem (or the page) names the next free times.
#[utoipa::path(
    post,
    path = "/book/{token}",
    tag = "booking-link",
    params(("token" = String, Path, description = "The token of the link", example = "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU")),
    request_body = BookByLink,
    responses(
        (status = 201, description = "Booked", body = BookingLink),
        (status = 200, description = "It had booked that time before", body = BookingLink),
        (status = 303, description = "Booked by a form: the page follows, or the payment"),
        Problems,
    ),
)]
pub(super) async fn book_by_link(State(app): State<App>, work: Work, token: Token, request: Request) -> Response {
    let visit = Visit::of(app, token.0, &work, &request);
    visit
        .act(request, async |opened: &Opened, chosen: BookByLink| {
            if let Some(booking) = &opened.booking_id {
                if opened.start_at != chosen.booking_start_at.into() {
                    return Err(LinkRefusal::Used(opened.start_at).into());
                }
                let standing =
                    if opened.is_attempt { payment_links::standing(&visit.app, booking).await? } else { None };
                return visit.pay(StatusCode::OK, standing).await;
            }
            let pays_first = opened.pays_first(&visit.app);
            let (id, therapist) = (opened.request_id, &opened.therapist_id);
            let made = run(work, async |uow| {
                let choice = LinkChoice {
                    start: chosen.booking_start_at,
                    zone: chosen.invitee_timezone,
                    consents: chosen.consents.unwrap_or_default(),
                    pays_first,
                };
                let chosen = bookings::book_by_link(uow, id, therapist, choice).await?;
                if !chosen.pays_first {
                    return Ok(None);
                }
                let expires_at = Some(uow.now() + PAYABLE);
                let terms = LinkTerms { expires_at, cancel_booking: true, ..LinkTerms::default() };
                payment_links::prepare(uow, &chosen.booking_id, terms).await.map(Some)
            })
            .await?;
            visit.pay(StatusCode::CREATED, made).await
        })
        .await
}

/// Move the session of a link
///
/// To another of the times that the link shows, as long before the session's start as the rules for booking ask. A repeat changes
/// nothing.
#[utoipa::path(
    post,
    path = "/book/{token}/move",
    tag = "booking-link",
    params(("token" = String, Path, description = "The token of the link", example = "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU")),
    request_body = MoveByLink,
    responses(
        (status = 200, description = "Moved", body = BookingLink),
        (status = 303, description = "Moved by a form: the page follows"),
        Problems,
    ),
)]
pub(super) async fn move_by_link(State(app): State<App>, work: Work, token: Token, request: Request) -> Response {
    let visit = Visit::of(app, token.0, &work, &request);
    visit
        .act(request, async |opened: &Opened, chosen: MoveByLink| {
            let Some(booking) = &opened.booking_id else { return Err(Error::NotFound("session")) };
            if opened.start_at != chosen.booking_start_at.into() {
                let moved =
                    run(work, async |uow| bookings::move_by_link(uow, booking, chosen.booking_start_at).await).await;
                if !matches!(moved, Err(Error::Unchanged(_))) {
                    moved?;
                }
            }
            Ok(Done::Shown(StatusCode::OK))
        })
        .await
}

/// Cancel the session of a link
///
/// As long before its start as the rules for booking ask; one that is not paid yet at any time, after which the link books again. The
/// admins and the therapist are told. A repeat changes nothing.
#[utoipa::path(
    post,
    path = "/book/{token}/cancel",
    tag = "booking-link",
    params(("token" = String, Path, description = "The token of the link", example = "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU")),
    request_body = CancelByLink,
    responses(
        (status = 200, description = "Cancelled", body = BookingLink),
        (status = 303, description = "Cancelled by a form: the page follows"),
        Problems,
    ),
)]
pub(super) async fn cancel_by_link(State(app): State<App>, work: Work, token: Token, request: Request) -> Response {
    let visit = Visit::of(app, token.0, &work, &request);
    visit
        .act(request, async |opened: &Opened, said: CancelByLink| {
            let Some(booking) = &opened.booking_id else { return Err(Error::NotFound("session")) };
            if opened.state != Some(BookingState::Cancelled) {
                run(work, async |uow| bookings::cancel_by_link(uow, booking, opened.is_attempt, said.reason).await)
                    .await?;
            }
            Ok(Done::Shown(StatusCode::OK))
        })
        .await
}

/// Does something for a client, who is told no more than concerns them.
async fn run<T>(work: Work, act: impl AsyncFnOnce(&mut UnitOfWork) -> Result<T>) -> Result<T> {
    work.run(act).await.map_err(as_told)
}

/// How a request ends that was done.
enum Done {
    /// With what the link opens now.
    Shown(StatusCode),
    /// With the same; a form, at this address of the payment gateway.
    Pays(StatusCode, String),
}

/// A request by a link that changes something.
struct Visit {
    app: App,
    token: String,
    address: Option<std::net::IpAddr>,
    is_form: bool,
    as_json: bool,
}

impl Visit {
    fn of(app: App, token: String, work: &Work, request: &Request) -> Self {
        let is_form = is_form(request.headers());
        let address = request.extensions().get::<ClientAddress>().map(|address| address.0).or(work.address());
        Self { app, token, address, is_form, as_json: !is_form || wants_json(request.headers()) }
    }

    /// Leads to the payment, where one was prepared; the gateway is told outside of the transaction that prepared it.
    async fn pay(&self, status: StatusCode, link: Option<PaymentLinkId>) -> Result<Done> {
        let Some(link) = link else { return Ok(Done::Shown(status)) };
        match payment_links::send_or_give_up(&self.app, link).await? {
            Some(url) => Ok(Done::Pays(status, url)),
            None => Err(LinkRefusal::NoPaymentPage.into()),
        }
    }

    /// Reads the body, opens the link, acts, and answers with what the link opens now.
    async fn act<T: DeserializeOwned + PartialSchema>(
        &self,
        request: Request,
        act: impl AsyncFnOnce(&Opened, T) -> Result<Done>,
    ) -> Response {
        let (parts, body) = request.into_parts();
        let done = async {
            let (fields, zone) = fields::<T>(&parts.headers, body, self.is_form).await?;
            let (opened, db) = open::open(&self.app, &self.token, self.address).await?;
            drop(db);
            // Boxed, so that every request does not carry the state of all three.
            let done = match Box::pin(act(&opened, fields)).await {
                Ok(done) => done,
                Err(error) => return Ok(Err((error, zone))),
            };
            Ok(Ok((done, zone)))
        };
        match done.await {
            Err(error) | Ok(Err((error, _))) if self.as_json => unseen(error.into_response()),
            Err(error) => failed(error),
            Ok(Err((error, zone))) => self.refused(error, zone).await,
            Ok(Ok((Done::Shown(status) | Done::Pays(status, _), _))) if self.as_json => {
                let home = [(header::LOCATION, format!("/book/{}", self.token))];
                unseen(self.shown(None).await.map(|link| (status, home, Json(link))).into_response())
            }
            Ok(Ok((done, zone))) => {
                let zone = zone.map(|zone| format!("?tz={zone}")).unwrap_or_default();
                let next = match done {
                    Done::Pays(_, url) => url,
                    Done::Shown(_) => format!("/book/{}{zone}", self.token),
                };
                let next = HeaderValue::try_from(next).unwrap_or(HeaderValue::from_static("/"));
                unseen((StatusCode::SEE_OTHER, [(header::LOCATION, next)]).into_response())
            }
        }
    }

    async fn shown(&self, zone: Option<Zone>) -> Result<BookingLink> {
        let (opened, db) = open::open(&self.app, &self.token, self.address).await?;
        opened.show(&self.app, db, Days { zone, ..Days::default() }).await
    }

    /// The page, with why it was not done. A request that lost to another transaction is run again.
    async fn refused(&self, error: Error, zone: Option<Zone>) -> Response {
        let Error::Refused(refusal) = &error else { return failed(error) };
        let status = refusal.kind().status;
        match self.shown(zone).await {
            Ok(link) => {
                let alert = Alert { text: error.to_string(), next: next_of(&error) };
                html(status, link.leads_to, page::link(&link, &self.token, Some(&alert)))
            }
            Err(error) => failed(error),
        }
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM))
}

/// The fields of a form or a JSON body, and the zone of the page that sent the form. An empty field is none.
async fn fields<T: DeserializeOwned + PartialSchema>(
    headers: &HeaderMap,
    body: Body,
    is_form: bool,
) -> Result<(T, Option<Zone>)> {
    let body = body.collect().await.map_err(|_| Error::Malformed("the body could not be read".into()))?.to_bytes();
    let mut zone = None;
    let mut request = Request::builder().method(Method::POST);
    let body = if is_form {
        let mut form = Map::new();
        for (name, value) in form_urlencoded::parse(&body).filter(|(_, value)| !value.trim().is_empty()) {
            if name == "invitee_timezone" || name == "tz" {
                zone = value.parse().ok();
            }
            if name == "tz" {
                continue;
            }
            let (name, value) = (name.into_owned(), Value::String(value.into_owned()));
            if name == "consents" {
                match form.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
                    Value::Array(channels) => channels.push(value),
                    other => *other = value,
                }
            } else {
                form.insert(name, value);
            }
        }
        request = request.header(header::CONTENT_TYPE, "application/json");
        Body::from(Value::Object(form).to_string())
    } else {
        for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
            if let Some(value) = headers.get(&name) {
                request = request.header(name, value);
            }
        }
        Body::from(body)
    };
    let request = request.body(body).map_err(|error| Error::Internal(error.into()))?;
    let Json(fields) = Json::<T>::from_request(request, &()).await?;
    Ok((fields, zone))
}
