//! A therapist's sessions as a calendar, for calendar programs: open to anybody with the link.
//!
//! It contains the times and the clients' initials; no name, no contact data, no payment, no clinical text, no link to
//! a call. Cancelled sessions stay in it with that status, so that calendars remove them.
//!
//! Its cost is bounded: sessions of the last [`BACK`] and all upcoming ones, [`MOST`] at most (the latest), read by one
//! index scan. A text that cannot be a token is not looked up.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::{
    app::state::App,
    auth,
    db::{erasure::ERASED, scope::Scope},
    domain::{text::NO_NAME, time::Timestamp},
    error::{Error, Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::Path,
        icalendar::{self, Event},
    },
};

/// How far back it goes: about six months.
const BACK: TimeDelta = TimeDelta::days(183);
/// The most sessions it contains.
const MOST: i64 = 5_000;
/// How many initials a name has at most.
const INITIALS: usize = 3;

/// Read a therapist's calendar
///
/// An iCalendar file (RFC 5545) of the sessions of the last six months and of all that are ahead (5,000 at most, the latest
/// ones), each with its client's initials. `SEQUENCE` rises whenever a session is moved, cancelled or restored; cancelled
/// ones stay with `STATUS:CANCELLED`. The link is made with POST /api/v1/auth/me/calendar-link; one that was revoked or
/// never made is a 404.
#[utoipa::path(
    get,
    path = "/calendar/{token}",
    tag = "calendar",
    params(("token" = String, Path, description = "The token of the link", example = "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU")),
    responses(
        (status = 200, description = "The calendar", body = String, content_type = "text/calendar"),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        (status = 503, description = "The database cannot be reached; calendar programs try again"),
        Problems,
    ),
)]
pub(super) async fn get_calendar(
    State(app): State<App>,
    Path(file): Path<String>,
    unless: Preconditions,
) -> Result<Response> {
    let token = file.strip_suffix(".ics").ok_or(Error::NotFound("calendar"))?;
    let scope = auth::scope_of_link(&app, token).await?.ok_or(Error::NotFound("calendar"))?;
    let mut db = app.db.read(&scope).await?;
    let events = sessions(&mut db, &scope, app.clock.now() - BACK).await?;
    let file = icalendar::write("SafeStories sessions", app.zone, &events);
    let tag = format!("\"{}\"", BASE64.encode(&digest(&SHA256, file.as_bytes()).as_ref()[..18]));
    let mut response = if unless.has(&tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let file_name = HeaderValue::from_static("inline; filename=\"sessions.ics\"");
        let kind = HeaderValue::from_static(icalendar::MEDIA_TYPE);
        ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, file_name)], file).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.extend(HeaderValue::try_from(tag).map(|tag| (header::ETAG, tag)));
    Ok(response)
}

/// The sessions of a scope's therapist since an instant, the earliest first. Sessions without a time are left out.
async fn sessions(db: &mut PgConnection, scope: &Scope, since: DateTime<Utc>) -> Result<Vec<Event>> {
    let rows = sqlx::query!(
        r#"select b.booking_id as "booking_id!",
                  left(b.invitee_name, 255) as invitee_name,
                  b.booking_start_at as "start!: Timestamp",
                  internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                       b.invitee_payment_amount) as "end!: Timestamp",
                  internal.booking_status(b.booking_status) is not distinct from 'cancelled' as "cancelled!",
                  coalesce(r.sequence, 0) as "sequence!",
                  greatest(nullif(b.booking_updated_at, 'infinity'), nullif(b.invitee_created_at, 'infinity'),
                           nullif(b.invitee_cancelled_at, 'infinity'), nullif(b.rescheduled_at, 'infinity'))
                      as "modified!: Timestamp"
           from bookings b
           left join internal.calendar_revisions r on r.booking_id = b.booking_id
           where ($1::text is null or b.therapist_id = $1)
             and coalesce(b.booking_start_at, '-infinity') >= $2
             and coalesce(b.booking_start_at, '-infinity') < 'infinity'
             and b.booking_id is not null
           order by coalesce(b.booking_start_at, '-infinity') desc, b.booking_id desc
           limit $3"#,
        scope.owner(),
        Timestamp::from(since) as Timestamp,
        MOST,
    )
    .fetch_all(db)
    .await?;
    let event = rows.into_iter().rev().filter_map(|row| {
        Some(Event {
            id: row.booking_id,
            sequence: row.sequence,
            start: row.start.instant()?,
            end: row.end.instant()?,
            modified: row.modified.instant(),
            cancelled: row.cancelled,
            summary: summary(row.invitee_name.as_deref().unwrap_or_default()),
        })
    });
    Ok(event.collect())
}

/// `Session M. I.`; without initials where the name is a placeholder.
fn summary(name: &str) -> String {
    let mut summary = "Session".to_owned();
    if [ERASED, NO_NAME].contains(&name) {
        return summary;
    }
    let initials = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphabetic()));
    for initial in initials.take(INITIALS) {
        summary.push(' ');
        summary.extend(initial.to_uppercase());
        summary.push('.');
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_by_its_initials() {
        for (name, shown) in [
            ("Meera Iyer", "Session M. I."),
            ("  meera   (parent of) ananya iyer rao ", "Session M. P. O."),
            ("मीरा अय्यर", "Session म. अ."),
            ("9876543210", "Session"),
            ("", "Session"),
            (ERASED, "Session"),
            (NO_NAME, "Session"),
        ] {
            assert_eq!(summary(name), shown, "{name}");
        }
    }
}
