//! Whether a session may take a therapist's time. Every operation that gives time to somebody asks here.
//!
//! Called with the therapist's row locked ([`therapists::lock`]), so that what was found free stays free until the
//! transaction ends. In order: sessions of whoever wrote them, holds of others, closed hours, buffers, notice, how far ahead,
//! sessions a day, the capacity. An admin overrides all of them by `allow_overlap`, all but sessions, holds and capacity by
//! `override_rules`; what was overridden is named in the audit. Of a session that is entered after it began only other
//! sessions count.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{
    diary::{self, Asked, Diary, Lapsed, Taken},
    refusal::{Clash, SlotRefusal, SlotRule},
    rules::Policy,
    slot::{Override, SessionKind, Slot},
    timetable::{Busy, Fault, instant},
};
use crate::{
    app::unit_of_work::UnitOfWork,
    db::scope::Scope,
    domain::{
        ids::{BookingId, HoldId, TherapistId},
        time::Timestamp,
    },
    error::{Error, Result},
    therapists::{self, Therapist},
};

/// How many free times a refusal names, and within how many days.
const NEXT: usize = 3;
const NEXT_DAYS: i64 = 62;

/// What a session takes time for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// A new booking; in the place of a hold, if one is named.
    Book(Option<HoldId>),
    /// Another time for a booking.
    Move(&'a BookingId),
    /// A booking that stands again. Its time was chosen before: notice does not count, nor how far ahead it is.
    Restore(&'a BookingId),
    /// A hold.
    Hold,
}

impl<'a> Purpose<'a> {
    fn moving(self) -> Option<&'a BookingId> {
        match self {
            Self::Move(id) | Self::Restore(id) => Some(id),
            Self::Book(_) | Self::Hold => None,
        }
    }

    /// Whether it counts towards the capacity.
    fn adds(self) -> bool {
        !matches!(self, Self::Move(_))
    }
}

/// The time that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) slot: Slot,
    pub(crate) kind: SessionKind<'a>,
    pub(crate) purpose: Purpose<'a>,
}

/// Fails unless the therapist's time may be taken; ends the holds whose place is taken. Gives what was overridden, for the
/// audit; none where nothing was to be.
pub(crate) async fn take(
    uow: &mut UnitOfWork,
    therapist: &Therapist,
    wanted: &Wanted<'_>,
    waived: &Override,
) -> Result<Option<Value>> {
    therapists::ensure_at_work(uow.db(), therapist).await?;
    let hold = match wanted.purpose {
        Purpose::Book(Some(hold)) => Some(stands_for(uow, therapist, wanted.slot, hold).await?),
        _ => None,
    };
    let overridden = overridden(uow, therapist, wanted, hold, waived).await?;
    if !matches!(wanted.purpose, Purpose::Hold) {
        end_holds(uow, therapist, wanted.slot, hold).await?;
    }
    Ok(waived.is_given().then(|| {
        json!({
            "allow_overlap": waived.allow_overlap,
            "override_rules": waived.rules,
            "reason": waived.reason.as_deref(),
            "overridden": overridden,
        })
    }))
}

/// The rules that stand against it and are overridden; fails at the first that is not.
async fn overridden(
    uow: &mut UnitOfWork,
    therapist: &Therapist,
    wanted: &Wanted<'_>,
    hold: Option<HoldId>,
    waived: &Override,
) -> Result<Vec<SlotRule>> {
    let now = uow.now();
    let slot = wanted.slot;
    let mut rules = Vec::new();
    let lapsed = diary::lapsed(uow.db(), &[therapist.therapist_id.as_str()], now).await?;
    if let Some(clash) = clash(uow.db(), therapist, slot, wanted.purpose.moving(), &lapsed).await? {
        if !waived.allow_overlap {
            let next = next(uow, therapist, wanted, hold).await?;
            return Err(SlotRefusal::Taken { clash, next }.into());
        }
        rules.push(SlotRule::Session);
    }
    if slot.start <= now {
        return Ok(rules);
    }
    let diary = diary(uow, therapist, wanted, hold, (slot.start, slot.end)).await?;
    for fault in diary.timetable.faults(&slot.micros(), now.timestamp_micros()) {
        let clash = |busy: &Busy<Taken>| {
            let (start_at, end_at) = (Timestamp::from_micros(busy.start), Timestamp::from_micros(busy.end));
            match busy.what.clone() {
                Taken::Session(booking_id) => Clash::Session { booking_id, start_at, end_at },
                Taken::Hold(hold_id) => Clash::Hold { hold_id, start_at, end_at },
            }
        };
        let (rule, clash, bound) = match fault {
            // Found above, in the table that everybody writes.
            Fault::Busy(Busy { what: Taken::Session(_), .. }) => continue,
            Fault::Busy(busy) => (SlotRule::Hold, Some(clash(busy)), None),
            Fault::Closed => (SlotRule::Closed, None, None),
            Fault::Buffer(busy) => (SlotRule::Buffer, Some(clash(busy)), None),
            Fault::TooSoon { .. } | Fault::TooFar { .. } if matches!(wanted.purpose, Purpose::Restore(_)) => continue,
            Fault::TooSoon { from } => (SlotRule::Notice, None, Some(instant(from))),
            Fault::TooFar { until } => (SlotRule::Ahead, None, Some(instant(until))),
            Fault::DayFull => (SlotRule::SessionsADay, None, None),
        };
        if waived.allow_overlap || waived.rules && rule != SlotRule::Hold {
            rules.push(rule);
            continue;
        }
        let next = next(uow, therapist, wanted, hold).await?;
        return Err(match clash {
            Some(clash) if rule == SlotRule::Hold => SlotRefusal::Taken { clash, next },
            clash => SlotRefusal::Closed { rule, clash, bound, next },
        }
        .into());
    }
    if wanted.purpose.adds() && diary.is_full() {
        if !waived.allow_overlap {
            return Err(SlotRefusal::Full { booked: diary.booked, capacity: diary.capacity }.into());
        }
        rules.push(SlotRule::Capacity);
    }
    Ok(rules)
}

/// The active booking that overlaps, by what is in the table at this moment.
async fn clash(
    db: &mut PgConnection,
    therapist: &Therapist,
    slot: Slot,
    moving: Option<&BookingId>,
    lapsed: &[Lapsed],
) -> Result<Option<Clash>> {
    let lapsed: Vec<&str> = lapsed.iter().map(|lapsed| lapsed.booking_id.as_str()).collect();
    // Both ends of the index range are bounded, since no session counts for more than a day: the cost does not grow
    // with the therapist's history.
    let clash = sqlx::query!(
        r#"select b.booking_id as "booking_id!: BookingId",
                  b.booking_start_at as "start_at!: Timestamp",
                  v.end_at as "end_at!: Timestamp"
           from bookings b
           cross join lateral (
               select internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                           b.invitee_payment_amount) as end_at
           ) v
           where b.therapist_id = $1
             and internal.is_active(b.booking_status)
             and v.end_at > $2
             and v.end_at < $3::timestamp + interval '1 day'
             and b.booking_start_at < $3
             and b.booking_id <> coalesce($4, '')
             and b.booking_id <> all ($5)
           order by b.booking_start_at, b.booking_id
           limit 1"#,
        therapist.therapist_id.as_str(),
        Timestamp::from(slot.start) as Timestamp,
        Timestamp::from(slot.end) as Timestamp,
        moving.map(BookingId::as_str),
        &lapsed as &[&str],
    )
    .fetch_optional(db)
    .await?;
    Ok(clash.map(|row| Clash::Session { booking_id: row.booking_id, start_at: row.start_at, end_at: row.end_at }))
}

async fn diary(
    uow: &mut UnitOfWork,
    therapist: &Therapist,
    wanted: &Wanted<'_>,
    hold: Option<HoldId>,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Diary> {
    let (now, practice) = (uow.now(), uow.app().zone);
    let caller = uow.actor().map(|actor| actor.user_id);
    let asked = Asked {
        scope: &Scope::Practice,
        therapist_id: Some(&therapist.therapist_id),
        therapy: None,
        kind: wanted.kind,
        minutes: Some(wanted.slot.minutes()),
        moving: wanted.purpose.moving(),
        own: caller.filter(|_| !matches!(wanted.purpose, Purpose::Hold)),
        hold,
        from,
        to,
        now,
        practice,
    };
    let found = diary::read(uow.db(), &asked).await?.pop();
    found.ok_or_else(|| Error::internal("a locked therapist who is at work has no diary"))
}

/// The next free times from the start that was asked for.
async fn next(
    uow: &mut UnitOfWork,
    therapist: &Therapist,
    wanted: &Wanted<'_>,
    hold: Option<HoldId>,
) -> Result<Vec<Slot>> {
    let now = uow.now();
    let from = wanted.slot.start.max(now);
    let to = from + TimeDelta::days(NEXT_DAYS);
    let diary = diary(uow, therapist, wanted, hold, (from, to)).await?;
    if wanted.purpose.adds() && diary.is_full() {
        return Ok(Vec::new());
    }
    let within = from.timestamp_micros()..to.timestamp_micros();
    let starts = diary.timetable.next(within, NEXT, now.timestamp_micros());
    let length = wanted.slot.end - wanted.slot.start;
    Ok(starts.into_iter().map(instant).map(|start| Slot { start, end: start + length }).collect())
}

/// The hold, if it stands, and for this therapist and time.
async fn stands_for(uow: &mut UnitOfWork, therapist: &Therapist, slot: Slot, hold: HoldId) -> Result<HoldId> {
    let now = uow.now();
    let stands = sqlx::query_scalar!(
        r#"select exists (
               select
               from internal.holds h
               where h.hold_id = $1
                 and h.therapist_id = $2
                 and h.starts_at < $4
                 and h.ends_at > $3
                 and h.expires_at > $5
           ) as "stands!""#,
        hold.0,
        therapist.therapist_id.as_str(),
        slot.start,
        slot.end,
        now,
    )
    .fetch_one(uow.db())
    .await?;
    let fault = "no such hold stands for this therapist and time; without it, the booking is made if the time is free";
    if stands { Ok(hold) } else { Err(Error::body("/hold_id", fault)) }
}

/// Ends the hold whose place a booking takes, and those that the caller has of that time.
async fn end_holds(uow: &mut UnitOfWork, therapist: &Therapist, slot: Slot, hold: Option<HoldId>) -> Result<()> {
    let caller = uow.actor().map(|actor| actor.user_id.0);
    sqlx::query!(
        "delete from internal.holds
         where therapist_id = $1
           and (hold_id = $2 or held_by = $3 and starts_at < $5 and ends_at > $4)",
        therapist.therapist_id.as_str(),
        hold.map(|hold| hold.0),
        caller,
        slot.start,
        slot.end,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// How long before its start a session of a kind is booked, moved or called off at the latest.
pub(crate) async fn notice(
    db: &mut PgConnection,
    therapist: &TherapistId,
    kind: &SessionKind<'_>,
) -> Result<TimeDelta> {
    let policy = Policy::read(db, &[therapist.as_str()], kind).await?;
    Ok(TimeDelta::microseconds(policy.rules(therapist, kind).notice))
}

/// How long a session of a kind takes with a therapist.
pub(crate) async fn usual_length(
    uow: &mut UnitOfWork,
    therapist: &TherapistId,
    kind: &SessionKind<'_>,
) -> Result<TimeDelta> {
    let policy = Policy::read(uow.db(), &[therapist.as_str()], kind).await?;
    Ok(TimeDelta::microseconds(policy.rules(therapist, kind).length))
}

/// How many active bookings the therapist has ahead. Past sessions do not count towards the capacity.
pub async fn booked(uow: &mut UnitOfWork, therapist: &Therapist) -> Result<i64> {
    let now = uow.now();
    // The index of active bookings is ordered by the end, so the end is compared too. Without that PostgreSQL may read
    // the therapist's whole history.
    let booked = sqlx::query_scalar!(
        r#"select count(*) as "booked!"
           from bookings b
           where b.therapist_id = $1
             and internal.is_active(b.booking_status)
             and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                      b.invitee_payment_amount) > $2
             and b.booking_start_at > $2
             and b.booking_id is not null"#,
        therapist.therapist_id.as_str(),
        Timestamp::from(now) as Timestamp,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(booked)
}
