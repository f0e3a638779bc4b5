//! A session note, who may read or change it, and how it is locked.

use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::refusal::NoteRefusal;
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    clients,
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, NoteId, TherapistId, UserId},
        text::NO_NAME,
        time::{KnownTimestamp, Timestamp},
    },
    error::{Error, Result},
    http::etag::{Preconditions, Versioned},
};

/// A session note, whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionNote {
    /// The note as signed, without addenda.
    #[serde(flatten)]
    pub record: NoteRecord,
    /// The addenda, in order.
    pub addenda: Vec<Addendum>,
}

/// Something that was added to a signed note. It stays as it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "addendum_id": 3,
    "text": "She called to say that the presentation went well",
    "author_id": 7,
    "author_name": "Asha Rao",
    "created_at": "2026-02-06T08:00:00Z"
}))]
#[expect(clippy::struct_field_names, reason = "an id says of what it is, as everywhere")]
pub struct Addendum {
    /// Its number.
    pub addendum_id: i64,
    /// The text.
    pub text: String,
    /// The account that wrote it.
    pub author_id: UserId,
    /// The name of that account.
    pub author_name: Option<String>,
    /// When it was written.
    #[schema(value_type = KnownTimestamp)]
    pub created_at: Timestamp,
}

/// A session note without its addenda: the columns of `client_session_notes`, and values computed beside them.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "note_id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "therapist_id": "58701",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "is_own": true,
    "is_signed": true,
    "signed_at": "2026-02-04T11:45:00Z",
    "author_id": 7,
    "author_name": "Asha Rao",
    "client_name": "Meera Iyer",
    "session_timing": "Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)",
    "host_name": "Asha Rao",
    "session_status": "completed",
    "client_age": 31,
    "gender": "female",
    "occupation": "Teacher",
    "marital_status": "single",
    "concerns_discussed": "Sleeps badly before presentations",
    "somatic_cues": ["tight chest"],
    "interventions_used": "Grounding exercise, thought record",
    "interventions_helpful": "The exercise helped at once",
    "client_participation": "Open and engaged",
    "goal_progress": "Small steps",
    "client_values": "Learning",
    "self_harm_mention": "no",
    "self_harm_details": null,
    "current_risk_level": "low",
    "protective_factors": "Close to her sister",
    "health_history": null,
    "past_diagnoses": null,
    "next_session_plan": "Review the thought record",
    "homework_suggested": "Sleep diary",
    "created_at": "2026-02-04T11:25:00Z",
    "updated_at": "2026-02-04T11:45:00Z",
    "other_note_ids": []
}))]
pub struct NoteRecord {
    /// The note's id.
    pub note_id: NoteId,
    /// The booking of the session.
    pub booking_id: Option<BookingId>,
    /// The client of the session.
    pub client_id: Option<ClientId>,
    /// The therapist who held it.
    pub therapist_id: Option<TherapistId>,
    /// When the session started.
    pub booking_start_at: Timestamp,
    /// Whether the session is the caller's own; where not, the note can only be read.
    pub is_own: bool,
    /// Whether it was signed. A note of another program counts as signed.
    pub is_signed: bool,
    /// When it was signed; null for a draft and for a note of another program.
    pub signed_at: Timestamp,
    /// The account that wrote it; null for a note of another program.
    pub author_id: Option<UserId>,
    /// The name of that account.
    pub author_name: Option<String>,
    /// The client's name, as it was when the note was begun.
    pub client_name: Option<String>,
    /// When the session took place, in words.
    pub session_timing: Option<String>,
    /// The name of the therapist who held the session.
    pub host_name: Option<String>,
    /// How the session went, in a word.
    pub session_status: Option<String>,
    /// The client's age in years.
    pub client_age: Option<i32>,
    /// The client's gender.
    pub gender: Option<String>,
    /// The client's occupation.
    pub occupation: Option<String>,
    /// The client's marital status.
    pub marital_status: Option<String>,
    /// The concerns discussed.
    pub concerns_discussed: Option<String>,
    /// Bodily reactions.
    pub somatic_cues: Option<Vec<String>>,
    /// The therapist's interventions.
    pub interventions_used: Option<String>,
    /// The interventions that helped.
    pub interventions_helpful: Option<String>,
    /// How the client took part.
    pub client_participation: Option<String>,
    /// How far the goals are reached.
    pub goal_progress: Option<String>,
    /// The client's values.
    pub client_values: Option<String>,
    /// Whether self-harm was mentioned.
    pub self_harm_mention: Option<String>,
    /// Details about self-harm.
    pub self_harm_details: Option<String>,
    /// `none`, `low`, `moderate` or `high`; a text of another program as it is.
    pub current_risk_level: Option<String>,
    /// Factors that protect the client.
    pub protective_factors: Option<String>,
    /// The client's health so far.
    pub health_history: Option<String>,
    /// Diagnoses made before.
    pub past_diagnoses: Option<String>,
    /// The plan for the next session.
    pub next_session_plan: Option<String>,
    /// Homework until the next session.
    pub homework_suggested: Option<String>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Further notes of the same booking, left by other programs.
    pub other_note_ids: Vec<NoteId>,
    /// The version of the stored row.
    #[serde(skip)]
    pub(super) version: String,
}

/// Reads session notes that a scope (`$1`: its owner) reaches: takes the conditions, the clauses after them, and the
/// arguments from `$2` on. Only its therapist reads a draft.
macro_rules! select_notes {
    ([$($tail:literal)+], $owner:expr $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            NoteRecord,
            r#"select
               n.note_id as "note_id: NoteId",
               n.booking_id as "booking_id: BookingId",
               s.client_id as "client_id?: ClientId",
               s.therapist_id as "therapist_id?: TherapistId",
               s.start_at as "booking_start_at!: Timestamp",
               coalesce(s.therapist_id = internal.current_therapist(), false) as "is_own!",
               (own.note_id is null or own.signed_at is not null) as "is_signed!",
               own.signed_at as "signed_at!: Timestamp",
               own.author_id as "author_id?: UserId",
               internal.account_name(own.author_id) as author_name,
               n.client_name,
               n.session_timing,
               n.host_name,
               n.session_status,
               n.client_age,
               n.gender,
               n.occupation,
               n.marital_status,
               n.concerns_discussed,
               case when n.somatic_cues is not null then array(
                   select cue::text
                   from unnest(n.somatic_cues) with ordinality as cues (cue, place)
                   where cue is not null
                   order by place
               ) end as "somatic_cues?",
               n.interventions_used,
               n.interventions_helpful,
               n.client_participation,
               n.goal_progress,
               n.client_values,
               n.self_harm_mention,
               n.self_harm_details,
               internal.risk_level(n.current_risk_level) as current_risk_level,
               n.protective_factors,
               n.health_history,
               n.past_diagnoses,
               n.next_session_plan,
               n.homework_suggested,
               n.created_at as "created_at!: Timestamp",
               n.updated_at as "updated_at!: Timestamp",
               array(
                   select o.note_id
                   from client_session_notes o
                   where o.booking_id = n.booking_id
                     and o.note_id <> n.note_id
                   order by o.note_id
               ) as "other_note_ids!: Vec<NoteId>",
               n.xmin::text as "version!"
            from client_session_notes n
            left join internal.session_notes own on own.note_id = n.note_id
            left join internal.session_of_note(n.booking_id) s on true
            left join all_clients_table c on c.client_id = s.client_id
            where ($1::text is null
                   or s.therapist_id = $1
                   or (c.therapist_id = $1 and (own.note_id is null or own.signed_at is not null)))
              and "# $(+ $tail)+,
            $owner as Option<&str>,
            $($argument),*
        )
    };
}

impl Addendum {
    /// The addenda of a note, in order.
    async fn of_note(db: &mut PgConnection, note: NoteId) -> Result<Vec<Self>> {
        let addenda = sqlx::query_as!(
            Self,
            r#"select a.addendum_id,
                      a.text,
                      a.author_id as "author_id: UserId",
                      internal.account_name(a.author_id) as author_name,
                      a.created_at as "created_at!: Timestamp"
               from internal.note_addenda a
               where a.note_id = $1
               order by a.addendum_id"#,
            note.0,
        )
        .fetch_all(db)
        .await?;
        Ok(addenda)
    }
}

impl SessionNote {
    /// A note that the scope reaches. The caller has to audit the read before showing it: [`Self::entry`].
    ///
    /// # Errors
    ///
    /// If there is none in reach.
    pub async fn read(db: &mut PgConnection, scope: &Scope, id: NoteId) -> Result<Self> {
        let found = select_notes!(["n.note_id = $2"], scope.owner(), id.0).fetch_optional(&mut *db).await?;
        Self::whole(db, found).await
    }

    /// The same, with a text that is to be shown: its client is locked for reading until the transaction ends. Where
    /// the data was erased at this moment, there is no such note.
    pub(super) async fn read_to_show(db: &mut PgConnection, scope: &Scope, id: NoteId) -> Result<Self> {
        Self::read(&mut *db, scope, id).await?.locked_to_show(db, scope).await
    }

    /// The note of a booking, as far as the scope reaches it: a submitted one before a draft, as in the
    /// booking's state; among those the one written here, else the newest.
    pub(super) async fn of_booking_to_show(db: &mut PgConnection, scope: &Scope, booking: &BookingId) -> Result<Self> {
        let found = if booking.is_possible() {
            select_notes!(
                ["n.booking_id = $2
                     order by own.note_id is not null and own.signed_at is null, own.note_id is null,
                              coalesce(n.created_at, '-infinity') desc, n.note_id desc
                     limit 1"],
                scope.owner(),
                booking.as_str(),
            )
            .fetch_optional(&mut *db)
            .await?
        } else {
            None
        };
        Self::whole(&mut *db, found).await?.locked_to_show(db, scope).await
    }

    async fn locked_to_show(self, db: &mut PgConnection, scope: &Scope) -> Result<Self> {
        let Some(client) = &self.record.client_id else { return Ok(self) };
        match clients::lock_to_read(&mut *db, client).await? {
            Some(client) if client.erasure.is_none() => Ok(self),
            // Erased, or merged, since the note was read.
            _ => Self::read(db, scope, self.record.note_id).await,
        }
    }

    async fn whole(db: &mut PgConnection, found: Option<NoteRecord>) -> Result<Self> {
        let record = found.ok_or(Error::NotFound("session note"))?;
        let addenda = if record.is_signed { Addendum::of_note(db, record.note_id).await? } else { Vec::new() };
        Ok(Self { record, addenda })
    }

    /// A note of the scope's own, locked until the transaction ends.
    pub(super) async fn lock(uow: &mut UnitOfWork, scope: &Scope, id: NoteId) -> Result<Self> {
        sqlx::query!("select from client_session_notes where note_id = $1 for no key update", id.0)
            .fetch_optional(uow.db())
            .await?;
        let note = Self::read(uow.db(), scope, id).await?;
        if note.record.is_own { Ok(note) } else { Err(NoteRefusal::NotAuthor.into()) }
    }

    /// A draft of the scope's own, locked until the transaction ends, in the version the request names. The refusal of
    /// another version shows this one, so it is recorded as read.
    pub(super) async fn lock_draft(
        uow: &mut UnitOfWork,
        scope: &Scope,
        id: NoteId,
        conditions: &Preconditions,
    ) -> Result<Self> {
        let note = Self::lock(uow, scope, id).await?;
        if note.record.is_signed {
            return Err(NoteRefusal::Signed.into());
        }
        if let Err(stale) = conditions.check(&note.record.version, &note) {
            uow.record_always(note.seen());
            return Err(stale);
        }
        Ok(note)
    }

    /// An entry of the trail about it. The sentence names the booking, the entry the client.
    pub fn entry(&self, action: &'static str, done: &str) -> Entry {
        let NoteRecord { note_id, booking_id, client_id, client_name, .. } = &self.record;
        let of = booking_id.as_ref().map_or_else(|| "no booking".to_owned(), |id| format!("booking {id}"));
        let entry = Entry::new(action, format!("{done} the session note of {of}")).on("session_note", note_id);
        match client_id {
            Some(client) => entry.client(client, client_name.as_deref().unwrap_or(NO_NAME)),
            None => entry,
        }
    }

    /// The audit entry of a therapist's read, with the right to it: their own session, or a client assigned to them.
    pub fn seen(&self) -> Entry {
        self.seen_as("note", "Read")
    }

    /// The entry that a therapist read its versions.
    pub(super) fn versions_seen(&self) -> Entry {
        self.seen_as("versions", "Read the versions of")
    }

    fn seen_as(&self, what: &str, done: &str) -> Entry {
        let reached_as = if self.record.is_own { "session_therapist" } else { "assigned_therapist" };
        let detail = json!({ "what": what, "reached_as": reached_as });
        self.entry("session_notes_read", done).detail(detail)
    }

    /// The version of the stored row.
    pub fn version(&self) -> &str {
        &self.record.version
    }

    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.record.version.clone(), self)
    }
}
