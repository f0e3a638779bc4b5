//! Reads what the free times of therapists follow from: one statement for each table, whatever the number of therapists.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::{PgConnection, types::Json};

use super::{
    hours::{AllHours, Hours, Schedule},
    rules::Policy,
    slot::{FREE, SessionKind},
    timetable::{Busy, MINUTE, Timetable},
};
use crate::{
    db::{
        pruned::{Sort, pruned},
        scope::Scope,
    },
    domain::{
        ids::{BookingId, HoldId, TherapistId, UserId},
        time::{Timestamp, Zone},
    },
    error::{Error, Result},
};

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) scope: &'a Scope,
    pub(super) therapist_id: Option<&'a TherapistId>,
    /// A word of the therapies that are offered.
    pub(super) therapy: Option<&'a str>,
    pub(super) kind: SessionKind<'a>,
    /// The length in minutes, where it is not that of the rules.
    pub(super) minutes: Option<i32>,
    /// A booking that keeps nobody from its own time.
    pub(super) moving: Option<&'a BookingId>,
    /// Whose holds do not count; and one more that does not.
    pub(super) own: Option<UserId>,
    pub(super) hold: Option<HoldId>,
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
    pub(super) practice: Zone,
}

/// What takes up a time.
#[derive(Debug, Clone)]
pub(super) enum Taken {
    Session(BookingId),
    Hold(HoldId),
}

/// A therapist's time, and how many sessions ahead they have.
#[derive(Debug)]
pub(super) struct Diary {
    pub(super) therapist_id: TherapistId,
    pub(super) name: String,
    /// Active sessions ahead, and times held.
    pub(super) booked: i64,
    /// 0: any number.
    pub(super) capacity: i32,
    pub(super) timetable: Timetable<Taken>,
}

impl Diary {
    /// Whether they take no more sessions.
    pub(super) fn is_full(&self) -> bool {
        self.capacity > 0 && self.booked >= i64::from(self.capacity)
    }
}

/// A therapist at work.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) therapist_id: TherapistId,
    name: String,
    capacity: i32,
    booked: i64,
    schedules: Option<Json<Vec<Schedule>>>,
}

/// The diaries of the therapists at work who are asked for, by their ids.
pub(super) async fn read(db: &mut PgConnection, asked: &Asked<'_>) -> Result<Vec<Diary>> {
    let hosts = hosts(db, asked).await?;
    of(db, asked, hosts).await
}

/// The diaries of some therapists.
pub(super) async fn of(db: &mut PgConnection, asked: &Asked<'_>, hosts: Vec<Host>) -> Result<Vec<Diary>> {
    let ids: Vec<&str> = hosts.iter().map(|host| host.therapist_id.as_str()).collect();
    let policy = Policy::read(db, &ids, &asked.kind).await?;
    let mut overrides = overrides(db, &ids, asked).await?;
    let lapsed = lapsed(db, &ids, asked.now).await?;
    let mut busy = sessions(db, &ids, asked, &policy).await?;
    if !lapsed.is_empty() {
        let stands = |busy: &Busy<Taken>| match &busy.what {
            Taken::Session(id) => lapsed.iter().all(|lapsed| lapsed.booking_id != *id),
            Taken::Hold(_) => true,
        };
        for times in busy.values_mut() {
            times.retain(stands);
        }
    }
    let mut held: HashMap<TherapistId, i64> = HashMap::new();
    for (therapist, hold) in holds(db, &ids, asked).await? {
        *held.entry(therapist.clone()).or_default() += i64::from(hold.start > asked.now.timestamp_micros());
        busy.entry(therapist).or_default().push(hold);
    }
    // Where there is no capacity, none are counted.
    let not_paid = |id: &TherapistId| {
        let theirs = lapsed.iter().filter(|lapsed| lapsed.is_ahead && lapsed.therapist_id == *id);
        i64::try_from(theirs.count()).unwrap_or(0)
    };
    let diaries = hosts.into_iter().map(|host| {
        let id = host.therapist_id;
        let mut rules = policy.rules(&id, &asked.kind);
        if let Some(minutes) = asked.minutes {
            rules.length = i64::from(minutes) * MINUTE;
        }
        let mut busy = busy.remove(&id).unwrap_or_default();
        busy.sort_by_key(|busy| busy.start);
        let hours = AllHours {
            practice: asked.practice,
            schedules: host.schedules.map(|schedules| schedules.0),
            overrides: overrides.remove(&id).unwrap_or_default().into_iter().collect(),
        };
        Diary {
            booked: host.booked + held.get(&id).copied().unwrap_or(0) - not_paid(&id),
            capacity: host.capacity,
            name: host.name,
            timetable: Timetable { hours, rules, busy },
            therapist_id: id,
        }
    });
    Ok(diaries.collect())
}

/// The therapists at work who are asked for, by their ids.
pub(super) async fn hosts(db: &mut PgConnection, asked: &Asked<'_>) -> Result<Vec<Host>> {
    let hosts = pruned!(
        fetch_all(db, Sort::default()),
        query_as!(Host),
        [r#"
            select t.therapist_id as "therapist_id!: TherapistId",
                   coalesce(t.name, '(no name)') as "name!",
                   greatest(coalesce(t.capacity, 0), 0) as "capacity!",
                   case when t.capacity > 0 then internal.therapist_upcoming(t.therapist_id, $1) else 0 end as "booked!",
                   a.schedules as "schedules?: Json<Vec<Schedule>>"
            from therapists t
            left join internal.availability a on a.therapist_id = t.therapist_id and a.schedules <> 'null'
            where not exists (select from internal.retirements r where r.therapist_id = t.therapist_id)
              and t.therapist_id = $2
              and t.therapist_id = $3
              and exists (
                  select
                  from unnest(internal.therapies(t.specialization)) as offered (word)
                  where strpos(internal.fold(offered.word), internal.fold(replace($4, '_', ' '))) > 0
              )
            order by t.therapist_id
        "#],
        Timestamp::from(asked.now) => Timestamp,
        asked.scope.owner(),
        asked.therapist_id.map(TherapistId::as_str),
        asked.therapy,
    )?;
    Ok(hosts)
}

/// An active booking that was not paid in time: it keeps no time any more, and is cancelled in a moment.
#[derive(Debug)]
pub(crate) struct Lapsed {
    pub(crate) booking_id: BookingId,
    pub(super) therapist_id: TherapistId,
    pub(super) is_ahead: bool,
}

/// The lapsed bookings of therapists; mostly none.
pub(crate) async fn lapsed(db: &mut PgConnection, therapists: &[&str], now: DateTime<Utc>) -> Result<Vec<Lapsed>> {
    let lapsed = sqlx::query_as!(
        Lapsed,
        r#"select l.booking_id as "booking_id!: BookingId",
                  l.therapist_id as "therapist_id!: TherapistId",
                  l.is_ahead as "is_ahead!"
           from internal.lapsed_bookings($1, $2) l"#,
        now,
        therapists as &[&str],
    )
    .fetch_all(db)
    .await?;
    Ok(lapsed)
}

type Overrides = HashMap<TherapistId, Vec<(NaiveDate, (Zone, Vec<Hours>))>>;

async fn overrides(db: &mut PgConnection, therapists: &[&str], asked: &Asked<'_>) -> Result<Overrides> {
    // All that are ahead, of whichever zone.
    let first = asked.from - TimeDelta::days(3);
    let rows = sqlx::query!(
        r#"select o.therapist_id as "therapist_id!: TherapistId",
                  o.day,
                  o.time_zone,
                  o.hours as "hours!: Json<Vec<Hours>>"
           from internal.availability_overrides o
           where o.therapist_id = any ($1)
             and o.day >= $2
             and o.hours is not null"#,
        therapists as &[&str],
        first.date_naive(),
    )
    .fetch_all(db)
    .await?;
    let mut found = Overrides::new();
    for row in rows {
        let zone = row.time_zone.parse().map_err(|_| Error::internal("an override is in no time zone"))?;
        found.entry(row.therapist_id).or_default().push((row.day, (zone, row.hours.0)));
    }
    Ok(found)
}

type Times = HashMap<TherapistId, Vec<Busy<Taken>>>;

async fn sessions(db: &mut PgConnection, therapists: &[&str], asked: &Asked<'_>, policy: &Policy) -> Result<Times> {
    // Sessions and buffers take a day at most each, and a day of the therapist is counted from its beginning.
    let (first, last) = (asked.from - TimeDelta::days(3), asked.to + TimeDelta::days(3));
    let rows = pruned!(
        fetch_all(db, Sort::default()),
        query!(),
        [r#"
            select f.therapist_id as "therapist_id!: TherapistId",
                   f.booking_id as "booking_id!: BookingId",
                   f.starts_at as "starts_at!: Timestamp",
                   f.ends_at as "ends_at!: Timestamp",
                   f.free as "free!",
                   concat(
                       (select internal.fold(b.booking_resource_name) from bookings b where b.booking_id = f.booking_id), -- with $5
                       ''
                   ) as "name!"
            from internal.booking_facts f
            where f.therapist_id = any ($1)
              and f.counted_as = 'active'
              and f.starts_at > $2
              and f.starts_at < $3
              and f.booking_id <> $4
              and $5::boolean
        "#],
        therapists => &[&str],
        Timestamp::from(first) => Timestamp,
        Timestamp::from(last) => Timestamp,
        asked.moving.map(BookingId::as_str),
        policy.asks_for_names().then_some(true),
    )?;
    let mut times = Times::new();
    for row in rows {
        let Some((start, end)) = row.starts_at.micros().zip(row.ends_at.micros()) else { continue };
        let name = if row.free { FREE } else { &row.name };
        let (before, after) = policy.buffers(&row.therapist_id, name);
        let busy = Busy { start, end, before, after, what: Taken::Session(row.booking_id) };
        times.entry(row.therapist_id).or_default().push(busy);
    }
    Ok(times)
}

/// Holds that stand, wherever they are: they count towards the capacity.
async fn holds(
    db: &mut PgConnection,
    therapists: &[&str],
    asked: &Asked<'_>,
) -> Result<Vec<(TherapistId, Busy<Taken>)>> {
    let rows = sqlx::query!(
        r#"select h.hold_id as "hold_id: HoldId",
                  h.therapist_id as "therapist_id: TherapistId",
                  h.starts_at,
                  h.ends_at
           from internal.holds h
           where h.therapist_id = any ($1)
             and h.expires_at > $2
             and h.held_by is distinct from $3
             and h.hold_id is distinct from $4"#,
        therapists as &[&str],
        asked.now,
        asked.own.map(|user| user.0),
        asked.hold.map(|hold| hold.0),
    )
    .fetch_all(db)
    .await?;
    let holds = rows.into_iter().map(|row| {
        let (start, end) = (row.starts_at.timestamp_micros(), row.ends_at.timestamp_micros());
        (row.therapist_id, Busy { start, end, before: 0, after: 0, what: Taken::Hold(row.hold_id) })
    });
    Ok(holds.collect())
}
