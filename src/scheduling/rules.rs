//! The rules by which sessions are offered: length, buffers, step, notice, how far ahead, how many a day.
//!
//! The practice has rules, a therapist may have others, and so may a kind of session: a word (`couples`, `free_consultation`)
//! that stands in the session's name. For each value the most special rule that gives one counts: of a therapist's sessions of
//! a kind, of the kind, of the therapist, of the practice. What none says is as it is without rules.
//!
//! One is for the whole practice alone: whether clients who book by the link pay first.

use std::{collections::BTreeSet, ops::RangeInclusive};

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{
    slot::SessionKind,
    timetable::{MINUTE, Micros, Rules},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    db::scope::Scope,
    domain::{ids::TherapistId, status::words, text::Text},
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Json,
    },
};

/// How many rules there are at most.
const RULES: usize = 1_000;
/// The step of slots, in minutes, where no rule says another.
const STEP: i32 = 30;

words! {
    /// Whether a client who books a session with a price by the booking link pays it first.
    pub(super) enum PaymentByLink {
        /// The session is booked at once, and its payment awaited.
        None,
        /// The time is held while the client pays by a link of the payment gateway, and booked once it is paid.
        Required,
    }
}

/// A rule about sessions: all of the practice, those of a therapist, of a kind, or both. Null: as the more general rule says.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "therapist_id": null, "kind": "free_consultation", "length_minutes": 15, "buffer_before_minutes": null,
    "buffer_after_minutes": 5, "step_minutes": 30, "notice_minutes": 120, "ahead_days": null, "sessions_a_day": null
}))]
pub(super) struct SchedulingRule {
    /// The therapist whose sessions it is about; null: everybody's.
    #[schema(value_type = Option<TherapistId>)]
    therapist_id: Option<TherapistId>,
    /// A word in the names of the sessions it is about (`couples`, `free_consultation`); null: all of them.
    kind: Option<String>,
    /// How long a session takes, 1 to 1440; 50 (15 if free) without a rule.
    #[schema(minimum = 1, maximum = 1440)]
    length_minutes: Option<i32>,
    /// How long before it the therapist has no other session, 0 to 1440.
    #[schema(minimum = 0, maximum = 1440)]
    buffer_before_minutes: Option<i32>,
    /// How long after it, likewise.
    #[schema(minimum = 0, maximum = 1440)]
    buffer_after_minutes: Option<i32>,
    /// The distance between the starts that are offered, 5 to 1440; 30 without a rule.
    #[schema(minimum = 5, maximum = 1440)]
    step_minutes: Option<i32>,
    /// How long before its start a session is booked at the latest, 0 to 43,200.
    #[schema(minimum = 0, maximum = 43_200)]
    notice_minutes: Option<i32>,
    /// How many days before its start at the earliest, 1 to 3,650.
    #[schema(minimum = 1, maximum = 3_650)]
    ahead_days: Option<i32>,
    /// How many sessions begin on a day of the therapist's zone at most, 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    sessions_a_day: Option<i32>,
}

/// All rules.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SchedulingPolicy {
    /// The rules, the most general first.
    rules: Vec<SchedulingRule>,
    /// Whether clients who book by the link pay first. Without the keys of the payment gateway it is as if it were `none`.
    payment_by_link: PaymentByLink,
}

/// The rules as they shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "payment_by_link": "none",
    "rules": [
        { "buffer_after_minutes": 10, "notice_minutes": 60, "sessions_a_day": 8 },
        { "kind": "free_consultation", "length_minutes": 15 },
        { "therapist_id": "58701", "step_minutes": 15 }
    ]
}))]
pub(super) struct ReplaceSchedulingPolicy {
    /// All rules; those that are left out are removed.
    #[schema(max_items = 1_000)]
    rules: Vec<SchedulingRule>,
    /// Whether clients who book by the link pay first; as it is unless given.
    payment_by_link: Option<PaymentByLink>,
}

impl SchedulingPolicy {
    /// The rules, and their version.
    async fn read(db: &mut PgConnection) -> Result<Versioned<Self>> {
        // Read first: of rules that change in between, an update is refused.
        let version = sqlx::query_scalar!(
            r#"select hashtextextended(
                          coalesce(string_agg(r::text, '' order by r.therapist_id, r.kind), ''), 0
                      )::text
                          || coalesce((select p.payment_by_link from internal.scheduling_policy p), '') as "version!"
               from internal.scheduling_rules r"#,
        )
        .fetch_one(&mut *db)
        .await?;
        let rules = sqlx::query_as!(
            SchedulingRule,
            r#"select nullif(r.therapist_id, '') as "therapist_id: TherapistId",
                      nullif(r.kind, '') as kind,
                      r.length_minutes,
                      r.buffer_before_minutes,
                      r.buffer_after_minutes,
                      r.step_minutes,
                      r.notice_minutes,
                      r.ahead_days,
                      r.sessions_a_day
               from internal.scheduling_rules r
               order by r.therapist_id, r.kind"#,
        )
        .fetch_all(&mut *db)
        .await?;
        Ok(Versioned::new(version, Self { rules, payment_by_link: payment_by_link(db).await? }))
    }
}

/// Get the rules for booking
///
/// How long sessions take, what is kept free around them, and how soon, how far ahead and how often they are booked: for all,
/// and for some therapists and kinds of sessions.
#[utoipa::path(
    get,
    path = "/scheduling-policy",
    tag = "scheduling",
    responses(
        (status = 200, description = "The rules", body = SchedulingPolicy),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_scheduling_policy(
    scope: Scope,
    State(app): State<App>,
    unless: Preconditions,
) -> Result<Versioned<SchedulingPolicy>> {
    let mut db = app.db.read(&scope).await?;
    Ok(SchedulingPolicy::read(&mut db).await?.unless(unless))
}

/// Replace the rules for booking
///
/// Bookings that are there stay as they are.
#[utoipa::path(
    put,
    path = "/scheduling-policy",
    tag = "scheduling",
    params(Preconditions),
    request_body = ReplaceSchedulingPolicy,
    responses((status = 200, description = "Replaced", body = SchedulingPolicy), Problems),
)]
pub(super) async fn replace_scheduling_policy(
    work: Work,
    when: Preconditions,
    Json(request): Json<ReplaceSchedulingPolicy>,
) -> Result<Versioned<SchedulingPolicy>> {
    work.run(async |uow| {
        replace(uow, &when, &request.rules, request.payment_by_link).await?;
        SchedulingPolicy::read(uow.db()).await
    })
    .await
}

async fn replace(
    uow: &mut UnitOfWork,
    when: &Preconditions,
    rules: &[SchedulingRule],
    payment_by_link: Option<PaymentByLink>,
) -> Result<()> {
    check(rules)?;
    sqlx::query!("lock table internal.scheduling_rules in share row exclusive mode").execute(uow.db()).await?;
    let before = SchedulingPolicy::read(uow.db()).await?;
    when.check(&before.stored, &before.body)?;
    ensure_known(uow.db(), rules).await?;
    let given = serde_json::to_value(rules).map_err(|error| Error::Internal(error.into()))?;
    sqlx::query!("delete from internal.scheduling_rules").execute(uow.db()).await?;
    sqlx::query!(
        "insert into internal.scheduling_rules
             (therapist_id, kind, length_minutes, buffer_before_minutes, buffer_after_minutes, step_minutes, notice_minutes,
              ahead_days, sessions_a_day)
         select coalesce(r.therapist_id, ''), coalesce(btrim(r.kind), ''), r.length_minutes, r.buffer_before_minutes,
                r.buffer_after_minutes, r.step_minutes, r.notice_minutes, r.ahead_days, r.sessions_a_day
         from jsonb_populate_recordset(null::internal.scheduling_rules, $1) r",
        given,
    )
    .execute(uow.db())
    .await?;
    let was = before.body.payment_by_link;
    let is = payment_by_link.unwrap_or(was);
    if is != was {
        sqlx::query!(
            "insert into internal.scheduling_policy (payment_by_link)
             values ($1)
             on conflict (is_only) do update set payment_by_link = excluded.payment_by_link",
            is.as_str(),
        )
        .execute(uow.db())
        .await?;
    }
    uow.record(
        Entry::new("scheduling_policy", "Changed the rules for booking").on("scheduling_policy", "practice").detail(
            json!({
                "from": before.body.rules,
                "to": rules,
                "payment_by_link": { "from": was, "to": is },
            }),
        ),
    );
    Ok(())
}

/// Whether clients who book by the link pay first, as the practice says.
async fn payment_by_link(db: &mut PgConnection) -> Result<PaymentByLink> {
    let said = sqlx::query_scalar!(
        r#"select payment_by_link as "payment_by_link: PaymentByLink" from internal.scheduling_policy"#,
    )
    .fetch_optional(db)
    .await?;
    Ok(said.unwrap_or(PaymentByLink::None))
}

/// Fails where a value is out of its range, or two rules are about the same sessions.
fn check(rules: &[SchedulingRule]) -> Result<()> {
    if rules.len() > RULES {
        return Err(Error::body("/rules", format!("has at most {RULES} of them")));
    }
    let mut seen = BTreeSet::new();
    for (at, rule) in rules.iter().enumerate() {
        let ranges: [(&str, Option<i32>, RangeInclusive<i32>); 7] = [
            ("length_minutes", rule.length_minutes, 1..=1440),
            ("buffer_before_minutes", rule.buffer_before_minutes, 0..=1440),
            ("buffer_after_minutes", rule.buffer_after_minutes, 0..=1440),
            ("step_minutes", rule.step_minutes, 5..=1440),
            ("notice_minutes", rule.notice_minutes, 0..=43_200),
            ("ahead_days", rule.ahead_days, 1..=3_650),
            ("sessions_a_day", rule.sessions_a_day, 1..=100),
        ];
        let wrong = ranges.into_iter().find(|(_, value, range)| value.is_some_and(|value| !range.contains(&value)));
        if let Some((name, _, range)) = wrong {
            let fault = format!("must be from {} to {}", range.start(), range.end());
            return Err(Error::body(format!("/rules/{at}/{name}"), fault));
        }
        let kind = rule.kind.as_deref().map(str::parse::<Text<255>>).transpose();
        let kind = kind.map_err(|fault| Error::body(format!("/rules/{at}/kind"), fault))?;
        let kind = kind.map(|kind| kind.to_lowercase().replace('_', " "));
        if !seen.insert((rule.therapist_id.clone(), kind)) {
            return Err(Error::body(format!("/rules/{at}"), "another rule is about the same sessions"));
        }
    }
    Ok(())
}

/// Fails where a rule names a therapist who does not exist.
async fn ensure_known(db: &mut PgConnection, rules: &[SchedulingRule]) -> Result<()> {
    let named: Vec<&str> =
        rules.iter().filter_map(|rule| rule.therapist_id.as_ref().map(TherapistId::as_str)).collect();
    let unknown = sqlx::query_scalar!(
        r#"select n.therapist_id as "therapist_id!: TherapistId"
           from unnest($1::text[]) as n (therapist_id)
           where not exists (select from therapists t where t.therapist_id = n.therapist_id)
           limit 1"#,
        &named as &[&str],
    )
    .fetch_optional(db)
    .await?;
    let unknown = unknown.and_then(|id| rules.iter().position(|rule| rule.therapist_id.as_ref() == Some(&id)));
    match unknown {
        Some(at) => Err(Error::body(format!("/rules/{at}/therapist_id"), "there is no such therapist")),
        None => Ok(()),
    }
}

/// The rules about some therapists, and which of them apply to the kind of session that is looked for.
#[derive(Debug)]
pub(super) struct Policy(Vec<Row>);

#[derive(Debug)]
struct Row {
    therapist_id: String,
    /// Folded; empty for all kinds.
    word: String,
    applies: bool,
    length_minutes: Option<i32>,
    buffer_before_minutes: Option<i32>,
    buffer_after_minutes: Option<i32>,
    step_minutes: Option<i32>,
    notice_minutes: Option<i32>,
    ahead_days: Option<i32>,
    sessions_a_day: Option<i32>,
}

impl Policy {
    pub(super) async fn read(db: &mut PgConnection, therapists: &[&str], kind: &SessionKind<'_>) -> Result<Self> {
        let rows = sqlx::query_as!(
            Row,
            r#"select r.therapist_id,
                      internal.fold(replace(r.kind, '_', ' ')) as "word!",
                      strpos(internal.fold(replace($2, '_', ' ')), internal.fold(replace(r.kind, '_', ' '))) > 0
                          as "applies!",
                      r.length_minutes,
                      r.buffer_before_minutes,
                      r.buffer_after_minutes,
                      r.step_minutes,
                      r.notice_minutes,
                      r.ahead_days,
                      r.sessions_a_day
               from internal.scheduling_rules r
               where r.therapist_id = ''
                  or r.therapist_id = any ($1)
               order by length(r.kind) desc, r.therapist_id desc"#,
            therapists as &[&str],
            kind.name(),
        )
        .fetch_all(db)
        .await?;
        Ok(Self(rows))
    }

    /// The rules for a session of the kind that is looked for.
    pub(super) fn rules(&self, therapist: &TherapistId, kind: &SessionKind<'_>) -> Rules {
        let given = |value: fn(&Row) -> Option<i32>| self.first(therapist, |row| row.applies, value);
        let length = given(|row| row.length_minutes).map_or(kind.usual_minutes(), i64::from);
        Rules {
            length: length * MINUTE,
            before: minutes(given(|row| row.buffer_before_minutes)),
            after: minutes(given(|row| row.buffer_after_minutes)),
            step: minutes(given(|row| row.step_minutes).or(Some(STEP))),
            notice: minutes(given(|row| row.notice_minutes)),
            ahead: given(|row| row.ahead_days).map(|days| Micros::from(days) * 24 * 60 * MINUTE),
            a_day: given(|row| row.sessions_a_day).and_then(|sessions| usize::try_from(sessions).ok()),
        }
    }

    /// What a session of a name, folded, keeps free before and after it.
    pub(super) fn buffers(&self, therapist: &TherapistId, name: &str) -> (Micros, Micros) {
        let given =
            |value: fn(&Row) -> Option<i32>| minutes(self.first(therapist, |row| name.contains(&row.word), value));
        (given(|row| row.buffer_before_minutes), given(|row| row.buffer_after_minutes))
    }

    /// Whether buffers depend on the names of the sessions.
    pub(super) fn asks_for_names(&self) -> bool {
        let has_buffer = |row: &Row| row.buffer_before_minutes.or(row.buffer_after_minutes).is_some();
        self.0.iter().any(|row| !row.word.is_empty() && has_buffer(row))
    }

    /// The value of the most special rule that has one: the rows are in that order.
    fn first(
        &self,
        therapist: &TherapistId,
        applies: impl Fn(&Row) -> bool,
        value: fn(&Row) -> Option<i32>,
    ) -> Option<i32> {
        let of_them = |row: &&Row| row.therapist_id.is_empty() || row.therapist_id == therapist.as_str();
        self.0.iter().filter(of_them).filter(|row| applies(row)).find_map(value)
    }
}

fn minutes(given: Option<i32>) -> Micros {
    Micros::from(given.unwrap_or(0)) * MINUTE
}
