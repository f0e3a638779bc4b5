//! The input of a transfer, its result, and its plan: the sessions that move, those that stay, and the open work of the
//! former therapist.
//!
//! The upcoming sessions with the client's present therapist move. Past ones stay with the therapist who held them, and
//! so do upcoming ones with a third therapist: they were booked there on purpose, and the plan lists them.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::unit_of_work::UnitOfWork,
    bookings::{self, Ahead, Span},
    clients::Record,
    domain::{
        ids::{BookingId, ClientId, TherapistId, TransferId},
        text::Text,
        time::Timestamp,
    },
    error::{Error, Result},
    therapists::Therapist,
};

/// The clients to transfer.
#[derive(Debug)]
pub(crate) enum Whom {
    /// The client of the path; a 404 if there is none.
    One(ClientId),
    /// Clients named in the body.
    These(Vec<ClientId>),
    /// All clients of a therapist.
    AllOf(TherapistId),
}

/// How they are transferred.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) to: TherapistId,
    pub(crate) reason: Option<Text<2000>>,
    pub(crate) notes: Option<Text<5000>>,
    pub(crate) leave: Leave,
    /// Whether the new therapist's capacity does not count.
    pub(crate) allow_overlap: bool,
}

impl Handover {
    /// Checks that the fields of a request do not contradict each other.
    pub(crate) fn check(self) -> Result<Self> {
        if self.allow_overlap && self.reason.is_none() {
            return Err(Error::body("/reason", "allow_overlap needs a reason, which the audit keeps"));
        }
        Ok(self)
    }
}

/// The result of the transfer for one client.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pub(crate) transfer_id: TransferId,
    pub(crate) client: Record,
    pub(crate) plan: TransferPlan,
}

/// How many ids stand beside a count.
const SHOWN: usize = 20;

/// The outcome for the sessions of one client.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "moved": [{
        "booking_id": "bk_0199c0de00007000800000000000000a",
        "booking_start_at": "2026-02-04T10:30:00Z",
        "booking_end_at": "2026-02-04T11:20:00Z"
    }],
    "left": [],
    "elsewhere": [],
    "clashes": [],
    "missing_notes": { "count": 1, "booking_ids": ["bk_0199c0de00007000800000000000000d"] },
    "unpaid": { "count": 0, "booking_ids": [] }
}))]
pub(crate) struct TransferPlan {
    /// Sessions ahead that go to the new therapist.
    pub(crate) moved: Vec<Span>,
    /// Sessions ahead that stay with the therapist they are with, as asked.
    pub(crate) left: Vec<Span>,
    /// Sessions ahead with yet other therapists, which stay there.
    pub(crate) elsewhere: Vec<Elsewhere>,
    /// Sessions at whose time the new therapist is busy.
    pub(crate) clashes: Vec<TransferClash>,
    /// Past sessions with the present therapist that lack a submitted note.
    pub(crate) missing_notes: Sessions,
    /// Sessions with the present therapist whose payment is awaited.
    pub(crate) unpaid: Sessions,
}

/// A session ahead with a therapist whom a transfer does not concern.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Elsewhere {
    /// The booking.
    booking_id: BookingId,
    /// The therapist who holds it.
    therapist_id: Option<TherapistId>,
    /// When it starts.
    booking_start_at: Timestamp,
}

/// A session that would move, and the one in its way.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TransferClash {
    /// The client.
    client_id: ClientId,
    /// The session that would move.
    #[serde(flatten)]
    session: Span,
    /// The session that overlaps it: one of the new therapist, or another one that would move.
    clash: Span,
}

/// Sessions: how many, and the latest twenty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// How many there are.
    #[schema(example = 1)]
    count: i64,
    /// The latest of them.
    booking_ids: Vec<BookingId>,
}

impl Sessions {
    /// Those of an order, the latest first.
    pub(crate) fn of<'a>(latest_first: impl Iterator<Item = &'a BookingId>) -> Self {
        let mut sessions = Self::default();
        for id in latest_first {
            sessions.count += 1;
            if sessions.booking_ids.len() < SHOWN {
                sessions.booking_ids.push(id.clone());
            }
        }
        sessions
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// How much the new therapist has to do.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(example = json!({ "booked": 12, "after": 14, "capacity": 20 }))]
pub(crate) struct Load {
    /// Upcoming active bookings before.
    booked: i64,
    /// Upcoming active bookings after.
    pub(crate) after: i64,
    /// How many they take; 0: any number.
    capacity: i32,
}

impl Load {
    /// The therapist's load with the sessions that would be added.
    pub(crate) fn new(to: &Therapist, booked: i64, more: usize) -> Self {
        Self { booked, after: booked + i64::try_from(more).unwrap_or(i64::MAX), capacity: to.capacity }
    }

    /// Whether it is more than they take, and more than before.
    pub(crate) fn is_too_much(self) -> bool {
        self.capacity > 0 && self.after > i64::from(self.capacity) && self.after > self.booked
    }
}

/// Which sessions ahead stay with the therapist they are with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    None,
    Clashing,
    All,
}

impl Leave {
    /// The choice of a request.
    pub(crate) fn of(clashing: Option<bool>, upcoming: Option<bool>) -> Self {
        match (clashing, upcoming) {
            (_, Some(true)) => Self::All,
            (Some(true), _) => Self::Clashing,
            _ => Self::None,
        }
    }
}

/// Plans the sessions of clients that are transferred to a therapist, client by client in the given order.
pub(crate) async fn plan(
    uow: &mut UnitOfWork,
    clients: &[Record],
    to: &Therapist,
    leave: Leave,
) -> Result<Vec<TransferPlan>> {
    let ids: Vec<ClientId> = clients.iter().map(|client| client.client_id.clone()).collect();
    let present: HashMap<&ClientId, Option<&TherapistId>> =
        clients.iter().map(|client| (&client.client_id, client.therapist_id.as_ref())).collect();
    let is_with_present =
        |session: &Ahead| present.get(&session.client_id).is_some_and(|with| *with == session.therapist_id.as_ref());
    let (with_present, elsewhere): (Vec<Ahead>, Vec<Ahead>) =
        bookings::ahead_of(uow, &ids).await?.into_iter().partition(is_with_present);
    let wanted: Vec<Span> = match leave {
        Leave::All => Vec::new(),
        Leave::None | Leave::Clashing => with_present.iter().map(Span::from).collect(),
    };
    let mut clashes = bookings::clashes(uow, to, &wanted).await?;
    let wanted: HashSet<BookingId> = wanted.into_iter().map(|span| span.booking_id).collect();
    let mut open = open_with_present(uow, &ids).await?;

    let mut plans: HashMap<ClientId, TransferPlan> = HashMap::new();
    for id in ids.iter().cloned() {
        let (missing_notes, unpaid) = open.remove(&id).unwrap_or_default();
        let plan = TransferPlan {
            moved: Vec::new(),
            left: Vec::new(),
            elsewhere: Vec::new(),
            clashes: Vec::new(),
            missing_notes,
            unpaid,
        };
        plans.insert(id, plan);
    }
    for session in with_present {
        let Some(plan) = plans.get_mut(&session.client_id) else { continue };
        let span = Span::from(&session);
        let clash = clashes.remove(&session.booking_id);
        let stays = !wanted.contains(&session.booking_id) || clash.is_some() && leave == Leave::Clashing;
        if let Some(clash) = clash {
            plan.clashes.push(TransferClash { client_id: session.client_id, session: span.clone(), clash });
        }
        if stays { plan.left.push(span) } else { plan.moved.push(span) }
    }
    for Ahead { booking_id, client_id, therapist_id, booking_start_at, .. } in elsewhere {
        if let Some(plan) = plans.get_mut(&client_id) {
            plan.elsewhere.push(Elsewhere { booking_id, therapist_id, booking_start_at });
        }
    }
    Ok(ids.iter().filter_map(|id| plans.remove(id)).collect())
}

/// The open work of each client's present therapist: past sessions without a submitted note, unpaid sessions.
async fn open_with_present(
    uow: &mut UnitOfWork,
    clients: &[ClientId],
) -> Result<HashMap<ClientId, (Sessions, Sessions)>> {
    let now = Timestamp::from(uow.now());
    let shown = i32::try_from(SHOWN).unwrap_or(i32::MAX);
    let found = sqlx::query!(
        r#"select s.client_id as "client_id!: ClientId",
                  count(*) filter (where s.unnoted) as "unnoted!",
                  (array_agg(s.booking_id order by s.start desc, s.booking_id desc) filter (where s.unnoted))[1:$3]
                      as "unnoted_ids: Vec<BookingId>",
                  count(*) filter (where s.unpaid) as "unpaid!",
                  (array_agg(s.booking_id order by s.start desc, s.booking_id desc) filter (where s.unpaid))[1:$3]
                      as "unpaid_ids: Vec<BookingId>"
           from (
               select a.client_id,
                      b.booking_id,
                      coalesce(b.booking_start_at, '-infinity') as start,
                      coalesce(internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                                    b.invitee_payment_amount), '-infinity') <= $2
                          and not exists (
                              select
                              from client_session_notes n
                              left join internal.session_notes own on own.note_id = n.note_id
                              where n.booking_id = b.booking_id
                                and (own.note_id is null or own.signed_at is not null)
                          ) as unnoted,
                      not internal.is_free(b.invitee_payment_amount)
                          and internal.invitee_status(b.invitee_status) = 'waiting' as unpaid
               from all_clients_table c
               join appointment_table a on a.client_id = c.client_id
               join bookings b on b.booking_id = a.session_id
               where c.client_id = any ($1)
                 and b.therapist_id is not distinct from c.therapist_id
                 and internal.is_active(b.booking_status)
           ) s
           where s.unnoted
              or s.unpaid
           group by s.client_id"#,
        clients as &[ClientId],
        now as Timestamp,
        shown,
    )
    .fetch_all(uow.db())
    .await?;
    let sessions =
        |count, booking_ids: Option<Vec<BookingId>>| Sessions { count, booking_ids: booking_ids.unwrap_or_default() };
    Ok(found
        .into_iter()
        .map(|row| {
            let open = (sessions(row.unnoted, row.unnoted_ids), sessions(row.unpaid, row.unpaid_ids));
            (row.client_id, open)
        })
        .collect())
}
