//! Showing what a link opens: the page or JSON, and the session as a file for calendars.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::{Datelike as _, NaiveDate};
use maud::Markup;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    open::{self, BookingLink, Days},
    page,
};
use crate::{
    app::state::App,
    domain::{
        status::BookingState,
        time::{Day, Zone},
    },
    error::{
        Error, Result,
        problem::{Problem, Problems},
    },
    http::{
        extract::{Json, Path, Query},
        icalendar::{self, Event},
        telemetry::ClientAddress,
    },
};

/// The days that are shown.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LinkParams {
    /// The zone of the days; the client's, as far as it is known, or else the practice's.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// The first day; today unless given.
    #[param(example = "2026-02-04")]
    from: Option<Day>,
    /// The last day, at most 62 days with the first; two weeks in all unless given.
    #[param(example = "2026-02-17")]
    to: Option<Day>,
}

impl From<LinkParams> for Days {
    fn from(params: LinkParams) -> Self {
        Self { zone: params.tz, from: params.from.map(Day::date), to: params.to.map(Day::date) }
    }
}

/// The token in the path. One that is no text is as wrong as any other.
pub(super) struct Token(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let token = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(token.map(|token| token.0).unwrap_or_default()))
    }
}

/// Open a booking link
///
/// The session that it books and the free times of its therapist; once it has booked, that session, until it has ended, with the
/// times to which it can be moved. A page for browsers, which ignores parameters it does not know, and JSON for front ends
/// (`Accept: application/json`). A link that is wrong, over or used up is a 404 in either case.
#[utoipa::path(
    get,
    path = "/book/{token}",
    tag = "booking-link",
    params(
        ("token" = String, Path, description = "The token of the link", example = "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU"),
        LinkParams,
    ),
    responses(
        (status = 200, description = "What it opens", content(
            (BookingLink = "application/json"),
            (String = "text/html"),
        )),
        Problems,
    ),
)]
pub(super) async fn get_booking_link(State(app): State<App>, token: Token, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let address = parts.extensions.get::<ClientAddress>().map(|address| address.0);
    if wants_json(&parts.headers) {
        let shown = async {
            let Query(params) = Query::<LinkParams>::from_request_parts(&mut parts, &app).await?;
            let (opened, db) = open::open(&app, &token.0, address).await?;
            opened.show(&app, db, params.into()).await
        };
        return unseen(shown.await.map(Json).into_response());
    }
    let shown = async {
        let (opened, db) = open::open(&app, &token.0, address).await?;
        opened.show(&app, db, lenient(parts.uri.query().unwrap_or_default())).await
    };
    match shown.await {
        Ok(link) => html(StatusCode::OK, link.leads_to, page::link(&link, &token.0, None)),
        Err(error) => failed(error),
    }
}

/// Get the session of a booking link as a file
///
/// An iCalendar file (RFC 5545) of the session that the link has booked; none of one that is to be paid first.
#[utoipa::path(
    get,
    path = "/book/{token}/session.ics",
    tag = "booking-link",
    params(("token" = String, Path, description = "The token of the link", example = "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU")),
    responses(
        (status = 200, description = "The session", body = String, content_type = "text/calendar"),
        Problems,
    ),
)]
pub(super) async fn get_session_file(State(app): State<App>, token: Token, request: Request) -> Result<Response> {
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0);
    let (opened, db) = open::open(&app, &token.0, address).await?;
    drop(db);
    let times = opened.start_at.instant().zip(opened.end_at.instant());
    let (Some(booking), Some((start, end)), false) = (&opened.booking_id, times, opened.is_attempt) else {
        return Err(Error::NotFound("session"));
    };
    let event = Event {
        id: booking.to_string(),
        sequence: opened.sequence.unwrap_or(0),
        start,
        end,
        modified: opened.updated_at.instant(),
        cancelled: opened.state == Some(BookingState::Cancelled),
        summary: format!("Session with {}", opened.therapist_name),
    };
    let file = icalendar::write("Session", app.zone, &[event]);
    let kind = HeaderValue::from_static(icalendar::MEDIA_TYPE);
    let name = HeaderValue::from_static("attachment; filename=\"session.ics\"");
    Ok(unseen(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], file).into_response()))
}

/// Whether the answer is to be JSON: the page is for those who do not ask for it.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let accepted: Vec<&str> = accepted.collect();
    let names = |kind| accepted.iter().any(|accepted| accepted.contains(kind));
    names("application/json") && !names("text/html")
}

/// The parameters that a page is opened with. Messengers add others of their own, and nobody types these.
fn lenient(query: &str) -> Days {
    let mut days = Days::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "tz" => days.zone = value.parse().ok(),
            "from" => days.from = value.parse().ok().filter(|day: &NaiveDate| (1..=9999).contains(&day.year())),
            _ => {}
        }
    }
    days
}

/// An answer that nobody keeps or finds.
pub(super) fn unseen(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// A page, whose forms may lead to this server and where it says.
pub(super) fn html(status: StatusCode, leads_to: &str, page: Markup) -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = (status, [(header::CONTENT_TYPE, kind)], page.into_string()).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, page::policy(leads_to));
    unseen(response)
}

/// A page that says why nothing is shown or done.
pub(super) fn failed(error: Error) -> Response {
    let text = error.to_string();
    let mut response = error.into_response();
    // Written as a page, and not as the problem document.
    response.extensions_mut().remove::<Problem>();
    let status = response.status();
    let page = html(status, "", page::failure(status, &text));
    let (mut parts, body) = page.into_parts();
    parts.extensions = std::mem::take(response.extensions_mut());
    parts.headers.extend(response.headers().get(header::RETRY_AFTER).map(|wait| (header::RETRY_AFTER, wait.clone())));
    Response::from_parts(parts, body)
}
