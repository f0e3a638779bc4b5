//! The free times of therapists in some days.

use axum::extract::State;
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::{
    diary::{self, Asked, Diary},
    slot::SessionKind,
    timetable::{MINUTE, Micros, instant},
};
use crate::{
    app::state::App,
    db::{checkout::Connection, scope::Scope},
    domain::{
        ids::{BookingId, TherapistId},
        text::Text,
        time::{Day, Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        extract::{Json, Query},
    },
};

/// How many days are asked for at most.
const MOST_DAYS: i64 = 62;
/// How many days there are without `to`.
const USUAL_DAYS: i64 = 7;
/// Within how many days after them the next free time is looked for.
const NEXT_DAYS: i64 = 92;
/// Within how many of these most have one.
const NEAR_DAYS: i64 = 3;

/// The times that are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SlotParams {
    /// Only the times of this therapist.
    #[param(example = "58701")]
    therapist_id: Option<TherapistId>,
    /// Only the times of therapists who offer this therapy, by a word of its name; the rules of that kind of session count.
    #[param(value_type = Option<String>, max_length = 255, example = "couples")]
    therapy: Option<Text<255>>,
    /// True: the session is a free consultation.
    free: Option<bool>,
    /// How many minutes it takes (1 to 1440), where not as the rules say.
    #[param(minimum = 1, maximum = 1440, example = 50)]
    length: Option<i32>,
    /// The first day; today unless given.
    #[param(example = "2026-02-04")]
    from: Option<Day>,
    /// The last day, at most 62 days with the first; a week in all unless given.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the days; the practice's unless given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// A booking that is to be moved: its own time is free.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    ignore_booking_id: Option<BookingId>,
}

/// The caller's own times that are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OwnSlotParams {
    /// The kind of session, whose rules count: a word of its name.
    #[param(value_type = Option<String>, max_length = 255, example = "couples")]
    therapy: Option<Text<255>>,
    /// True: the session is a free consultation.
    free: Option<bool>,
    /// How many minutes it takes (1 to 1440), where not as the rules say.
    #[param(minimum = 1, maximum = 1440, example = 50)]
    length: Option<i32>,
    /// The first day; today unless given.
    #[param(example = "2026-02-04")]
    from: Option<Day>,
    /// The last day, at most 62 days with the first; a week in all unless given.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the days; the practice's unless given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// A booking that is to be moved: its own time is free.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    ignore_booking_id: Option<BookingId>,
}

/// The free times of a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "day": "2026-02-05", "starts": ["2026-02-05T04:30:00Z", "2026-02-05T05:30:00Z"] }))]
pub(crate) struct DaySlots {
    /// The day, of the zone asked for.
    pub(crate) day: NaiveDate,
    /// When a session may start.
    pub(crate) starts: Vec<Timestamp>,
}

/// The free times of a therapist.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TherapistSlots {
    /// The therapist.
    therapist_id: TherapistId,
    /// Their name.
    #[schema(example = "Asha Rao")]
    therapist_name: String,
    /// How many minutes a session takes.
    #[schema(example = 50)]
    pub(crate) length_minutes: i64,
    /// The days with free times.
    pub(crate) days: Vec<DaySlots>,
    /// The first free time after the days asked for, within 92 days.
    pub(crate) next_available: Timestamp,
}

/// Free times.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Slots {
    /// The first day.
    #[schema(example = "2026-02-04")]
    from: NaiveDate,
    /// The last day.
    #[schema(example = "2026-02-10")]
    to: NaiveDate,
    /// The zone of the days.
    #[schema(value_type = Zone)]
    tz: Zone,
    /// The therapists at work who are asked for. One without hours has no times: sessions of theirs are booked at any.
    therapists: Vec<TherapistSlots>,
}

/// List free times
///
/// When sessions may start, by therapist and day. What is listed can be booked at that moment; the caller's own holds hide
/// nothing.
#[utoipa::path(
    get,
    path = "/slots",
    tag = "scheduling",
    params(SlotParams),
    responses((status = 200, description = "The free times", body = Slots), Problems),
)]
pub(super) async fn list_slots(
    scope: Scope,
    caller: Caller,
    State(app): State<App>,
    Query(params): Query<SlotParams>,
) -> Result<Json<Slots>> {
    find(&app, &scope, &caller, params).await.map(Json)
}

/// List my free times
///
/// When sessions of the caller may start, by day.
#[utoipa::path(
    get,
    path = "/slots",
    tag = "scheduling",
    params(OwnSlotParams),
    responses((status = 200, description = "The free times", body = Slots), Problems),
)]
pub(super) async fn list_own_slots(
    scope: Scope,
    caller: Caller,
    State(app): State<App>,
    Query(own): Query<OwnSlotParams>,
) -> Result<Json<Slots>> {
    let OwnSlotParams { therapy, free, length, from, to, tz, ignore_booking_id } = own;
    let therapist_id = scope.therapist().cloned();
    let params = SlotParams { therapist_id, therapy, free, length, from, to, tz, ignore_booking_id };
    find(&app, &scope, &caller, params).await.map(Json)
}

async fn find(app: &App, scope: &Scope, caller: &Caller, params: SlotParams) -> Result<Slots> {
    if params.length.is_some_and(|length| !(1..=1440).contains(&length)) {
        return Err(Error::query("length", "must be from 1 to 1440"));
    }
    let now = app.clock.now();
    let zone = params.tz.unwrap_or(app.zone);
    let from = params.from.map_or_else(|| zone.date(now), Day::date);
    let to = params.to.map_or_else(|| from + TimeDelta::days(USUAL_DAYS - 1), Day::date);
    check_days(from, to)?;
    let range = zone.days(from, to);
    let mut db = app.db.read(scope).await?;
    if let Some(id) = &params.ignore_booking_id {
        ensure_reached(&mut db, scope, id).await?;
    }
    let free = params.free == Some(true);
    // A therapist's own times are asked for by the kind of session, whatever the words of their therapies.
    let therapy = params.therapy.as_deref();
    let asked = Asked {
        scope,
        therapist_id: params.therapist_id.as_ref(),
        therapy: therapy.filter(|_| scope.is_practice()),
        kind: SessionKind::new(free, therapy),
        minutes: params.length,
        moving: params.ignore_booking_id.as_ref(),
        own: Some(caller.user_id),
        hold: None,
        from: range.start.max(now),
        to: range.end.max(now) + TimeDelta::days(NEXT_DAYS),
        now,
        practice: app.zone,
    };
    let therapists = list(&mut db, &asked, zone, (from, to)).await?;
    Ok(Slots { from, to, tz: zone, therapists })
}

/// Fails where the days are not in order, or too many.
fn check_days(from: NaiveDate, to: NaiveDate) -> Result<()> {
    if to < from {
        return Err(Error::query("to", "is before `from`"));
    }
    if (to - from).num_days() >= MOST_DAYS {
        return Err(Error::query("to", format!("at most {MOST_DAYS} days are listed at once")));
    }
    Ok(())
}

/// The free times of one therapist that are asked for.
pub(crate) struct FreeTimes<'a> {
    pub(crate) therapist_id: &'a TherapistId,
    pub(crate) kind: SessionKind<'a>,
    /// How long it takes, where not as the rules say.
    pub(crate) minutes: Option<i32>,
    /// A booking that is to be moved.
    pub(crate) moving: Option<&'a BookingId>,
    pub(crate) zone: Zone,
    /// The first day; today unless given.
    pub(crate) from: Option<NaiveDate>,
    /// The last day; two weeks in all unless given.
    pub(crate) to: Option<NaiveDate>,
}

/// The free times of one therapist, and the days that they are of; none where the therapist is not at work.
pub(crate) async fn free_times(
    db: &mut PgConnection,
    app: &App,
    wanted: &FreeTimes<'_>,
) -> Result<(Option<TherapistSlots>, (NaiveDate, NaiveDate))> {
    let (now, zone) = (app.clock.now(), wanted.zone);
    let from = wanted.from.unwrap_or_else(|| zone.date(now));
    let to = wanted.to.unwrap_or_else(|| from + TimeDelta::days(2 * USUAL_DAYS - 1));
    check_days(from, to)?;
    let range = zone.days(from, to);
    let asked = Asked {
        scope: &Scope::Practice,
        therapist_id: Some(wanted.therapist_id),
        therapy: None,
        kind: wanted.kind,
        minutes: wanted.minutes,
        moving: wanted.moving,
        own: None,
        hold: None,
        from: range.start.max(now),
        to: range.end.max(now) + TimeDelta::days(NEXT_DAYS),
        now,
        practice: app.zone,
    };
    Ok((list(db, &asked, zone, (from, to)).await?.pop(), (from, to)))
}

/// The free times of the therapists who are asked for, in some days of a zone.
async fn list(
    db: &mut PgConnection,
    asked: &Asked<'_>,
    zone: Zone,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Vec<TherapistSlots>> {
    let range = zone.days(from, to);
    let near = range.end.max(asked.now) + TimeDelta::days(NEAR_DAYS);
    let hosts = diary::hosts(db, asked).await?;
    let diaries = diary::of(db, &Asked { to: near, ..*asked }, hosts.clone()).await?;
    let days = from.iter_days().take_while(|day| *day <= to).map(|day| (day, zone.days(day, day).end));
    let days: Vec<(NaiveDate, Micros)> = days.map(|(day, end)| (day, end.timestamp_micros())).collect();
    let now = asked.now.timestamp_micros();
    let (first, last, near_end) =
        (range.start.timestamp_micros(), range.end.timestamp_micros(), near.timestamp_micros());
    // A booking that is moved takes no more of the capacity.
    let takes_none = |diary: &Diary| diary.is_full() && asked.moving.is_none();
    let mut later = Vec::new();
    let mut found: Vec<TherapistSlots> = Vec::with_capacity(diaries.len());
    for (diary, host) in diaries.into_iter().zip(hosts) {
        let timetable = &diary.timetable;
        let (starts, next) = if takes_none(&diary) {
            (Vec::new(), None)
        } else {
            (timetable.starts(&(first..last), now), timetable.next(last..near_end, 1, now).pop())
        };
        if next.is_none() && !takes_none(&diary) && timetable.hours.are_entered() {
            later.push(host);
        }
        found.push(TherapistSlots {
            length_minutes: timetable.rules.length / MINUTE,
            days: by_day(&days, &starts),
            next_available: next.map(instant).into(),
            therapist_id: diary.therapist_id,
            therapist_name: diary.name,
        });
    }
    // Nearly everybody has a free time soon: further than that only the diaries of the others are read.
    if !later.is_empty() {
        for diary in diary::of(db, &Asked { from: near, ..*asked }, later).await? {
            let next = diary.timetable.next(near_end..asked.to.timestamp_micros(), 1, now).pop();
            if let Some(slots) = found.iter_mut().find(|slots| slots.therapist_id == diary.therapist_id) {
                slots.next_available = next.map(instant).into();
            }
        }
    }
    Ok(found)
}

/// The starts of each day, of those that have any; the days by their ends.
fn by_day(days: &[(NaiveDate, Micros)], mut starts: &[Micros]) -> Vec<DaySlots> {
    let mut found = Vec::new();
    for (day, end) in days {
        let (own, later) = starts.split_at(starts.partition_point(|start| start < end));
        starts = later;
        if !own.is_empty() {
            found.push(DaySlots { day: *day, starts: own.iter().copied().map(Timestamp::from_micros).collect() });
        }
    }
    found
}

/// Fails unless the booking is in the scope.
async fn ensure_reached(db: &mut Connection, scope: &Scope, id: &BookingId) -> Result<()> {
    if !id.is_possible() {
        return Err(Error::NotFound("booking"));
    }
    let reached = sqlx::query_scalar!(
        r#"select exists (
               select
               from bookings b
               where b.booking_id = $1
                 and ($2::text is null or b.therapist_id = $2)
           ) as "reached!""#,
        id.as_str(),
        scope.owner(),
    )
    .fetch_one(&mut **db)
    .await?;
    if reached { Ok(()) } else { Err(Error::NotFound("booking")) }
}
