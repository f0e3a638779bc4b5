//! The therapists whose access to a client changes by a merge.
//!
//! A therapist sees the record of clients assigned to them or with a session of theirs; contact data, in the record and
//! in their sessions, only while the client is assigned to them or a session with them is ahead; and the notes of other
//! therapists' sessions of clients now assigned to them. All three are computed for each record before the merge, and
//! for the surviving one after it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::transfers::plan::Sessions;
use crate::{
    domain::{
        ids::{BookingId, ClientId, TherapistId},
        time::Timestamp,
    },
    error::Result,
};

/// A therapist for whom a merge changes what they see.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AccessChange {
    /// The therapist.
    #[schema(example = "58701")]
    therapist_id: TherapistId,
    /// The therapist's name.
    #[schema(example = "Asha Rao")]
    therapist_name: Option<String>,
    /// Access that they gain.
    gains: Access,
    /// Access that they lose.
    loses: Access,
}

/// A therapist's access to a client.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Access {
    /// Whether the client's record is part of it.
    record: bool,
    /// Which contact data in it.
    #[schema(example = json!(["phone_number"]))]
    contact: Vec<&'static str>,
    /// Sessions of their own, the contact data in them.
    contact_of_sessions: Sessions,
    /// Sessions of other therapists, the submitted notes of them.
    earlier_notes: Sessions,
}

impl Access {
    fn is_nothing(&self) -> bool {
        !self.record && self.contact.is_empty() && self.contact_of_sessions.is_empty() && self.earlier_notes.is_empty()
    }
}

/// One of the two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that stays.
    Survivor,
    /// The one that goes.
    Gone,
}

/// A session of one of the two records.
#[derive(Debug)]
pub(crate) struct Session {
    booking_id: BookingId,
    side: Side,
    therapist_id: Option<TherapistId>,
    therapist_name: Option<String>,
    /// Whether it has a submitted note.
    noted: bool,
    /// Whether it lets its therapist see contact data: active, and not over.
    ahead: bool,
}

/// The therapist of each record, and of the surviving one.
#[derive(Debug)]
pub(crate) struct Assigned<'a> {
    pub(crate) survivor: Option<&'a TherapistId>,
    pub(crate) gone: Option<&'a TherapistId>,
    pub(crate) after: Option<&'a TherapistId>,
}

/// From which record each contact field of the one after comes; none where there is nothing in it.
pub(crate) type Sources = [(&'static str, Option<Side>); 2];

/// The sessions of both records, the latest first.
pub(crate) async fn sessions(
    db: &mut PgConnection,
    survivor: &ClientId,
    gone: &ClientId,
    now: Timestamp,
) -> Result<Vec<Session>> {
    let rows = sqlx::query!(
        r#"select b.booking_id as "booking_id!: BookingId",
                  a.client_id = $2 as "gone!",
                  b.therapist_id as "therapist_id: TherapistId",
                  t.name as "therapist_name?",
                  exists (
                      select
                      from client_session_notes n
                      left join internal.session_notes own on own.note_id = n.note_id
                      where n.booking_id = b.booking_id
                        and (own.note_id is null or own.signed_at is not null)
                  ) as "noted!",
                  coalesce(internal.is_active(b.booking_status)
                           and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                                    b.invitee_payment_amount) > $3, false) as "ahead!"
           from appointment_table a
           join bookings b on b.booking_id = a.session_id
           left join therapists t on t.therapist_id = b.therapist_id
           where a.client_id in ($1, $2)
           order by b.booking_start_at desc nulls last, b.booking_id desc"#,
        survivor.as_str(),
        gone.as_str(),
        now as Timestamp,
    )
    .fetch_all(db)
    .await?;
    let sessions = rows.into_iter().map(|row| Session {
        booking_id: row.booking_id,
        side: if row.gone { Side::Gone } else { Side::Survivor },
        therapist_id: row.therapist_id,
        therapist_name: row.therapist_name,
        noted: row.noted,
        ahead: row.ahead,
    });
    Ok(sessions.collect())
}

/// The changes of access, by the therapists' ids. Names of therapists without sessions are looked up in `names`.
pub(crate) fn changes(
    sessions: &[Session],
    assigned: &Assigned<'_>,
    sources: &Sources,
    names: &BTreeMap<TherapistId, String>,
) -> Vec<AccessChange> {
    let people: BTreeSet<&TherapistId> = sessions
        .iter()
        .filter_map(|session| session.therapist_id.as_ref())
        .chain([assigned.survivor, assigned.gone].into_iter().flatten())
        .collect();
    let change = |therapist: &TherapistId| {
        let (gains, loses) = change_for(therapist, sessions, assigned, sources);
        let mut own = sessions.iter().filter(|session| session.therapist_id.as_ref() == Some(therapist));
        let name = names.get(therapist).cloned().or_else(|| own.find_map(|session| session.therapist_name.clone()));
        AccessChange { therapist_id: therapist.clone(), therapist_name: name, gains, loses }
    };
    let changes = people.into_iter().map(change);
    changes.filter(|change| !change.gains.is_nothing() || !change.loses.is_nothing()).collect()
}

fn change_for(
    therapist: &TherapistId,
    sessions: &[Session],
    assigned: &Assigned<'_>,
    sources: &Sources,
) -> (Access, Access) {
    let had = |side| match side {
        Side::Survivor => assigned.survivor == Some(therapist),
        Side::Gone => assigned.gone == Some(therapist),
    };
    let has = assigned.after == Some(therapist);
    let is_own = |session: &&Session| session.therapist_id.as_ref() == Some(therapist);
    let own = || sessions.iter().filter(is_own);
    let others = || sessions.iter().filter(|session| !is_own(session) && session.noted);
    // Contact data: of each record before, of the one after.
    let saw_contact = |side| had(side) || own().any(|session| session.side == side && session.ahead);
    let sees_contact = has || own().any(|session| session.ahead);
    let some = |wanted: &dyn Fn(&Session) -> bool, of: &mut dyn Iterator<Item = &Session>| {
        let found: Vec<&BookingId> = of.filter(|session| wanted(session)).map(|session| &session.booking_id).collect();
        Sessions::of(found.into_iter())
    };
    let knew = had(Side::Survivor) || had(Side::Gone) || own().next().is_some();
    let knows = has || own().next().is_some();
    let knew_survivor = had(Side::Survivor) || own().any(|session| session.side == Side::Survivor);
    let fields = |wanted: &dyn Fn(Side) -> bool| -> Vec<&'static str> {
        let found = sources.iter().filter(|(_, source)| source.is_some_and(wanted));
        found.map(|(field, _)| *field).collect()
    };
    let gains = Access {
        record: knows && !knew_survivor,
        contact: fields(&|source| sees_contact && !saw_contact(source)),
        contact_of_sessions: some(&|session| sees_contact && !saw_contact(session.side), &mut own()),
        earlier_notes: some(&|session| has && !had(session.side), &mut others()),
    };
    let loses = Access {
        record: knew && !knows,
        contact: fields(&|_| !sees_contact && (saw_contact(Side::Survivor) || saw_contact(Side::Gone))),
        contact_of_sessions: some(&|session| !sees_contact && saw_contact(session.side), &mut own()),
        earlier_notes: some(&|session| !has && had(session.side), &mut others()),
    };
    (gains, loses)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn session(id: &str, side: Side, therapist: &str, noted: bool, ahead: bool) -> Session {
        let therapist_id = Some(TherapistId::from(therapist)).filter(|id| !id.as_str().is_empty());
        Session { booking_id: id.into(), side, therapist_id, therapist_name: None, noted, ahead }
    }

    /// The changes, as `therapist: gains / loses`, each with its parts.
    fn lines(sessions: &[Session], survivor: &str, gone: &str, sources: &Sources) -> Vec<String> {
        let id = |id: &str| Some(TherapistId::from(id)).filter(|id| !id.as_str().is_empty());
        let (survivor, gone) = (id(survivor), id(gone));
        let after = survivor.clone().or_else(|| gone.clone());
        let assigned = Assigned { survivor: survivor.as_ref(), gone: gone.as_ref(), after: after.as_ref() };
        let words = |access: Value| {
            let mut words = Vec::new();
            if access["record"] == json!(true) {
                words.push("record".to_owned());
            }
            words.extend(
                access["contact"].as_array().expect("a list").iter().map(|field| field.to_string().replace('"', "")),
            );
            for (name, short) in [("contact_of_sessions", "c"), ("earlier_notes", "n")] {
                let ids = access[name]["booking_ids"].as_array().expect("a list");
                words.extend(ids.iter().map(|id| format!("{short}:{}", id.as_str().expect("an id"))));
            }
            words.join(" ")
        };
        let found = changes(sessions, &assigned, sources, &BTreeMap::new());
        let line = |change: &AccessChange| {
            format!("{}: {} / {}", change.therapist_id, words(json!(change.gains)), words(json!(change.loses)))
        };
        found.iter().map(line).collect()
    }

    const BOTH_OF_SURVIVOR: Sources = [("phone_number", Some(Side::Survivor)), ("email_id", Some(Side::Survivor))];

    #[test]
    fn one_therapist_for_both_sees_nothing_new() {
        let sessions = [session("a", Side::Survivor, "T1", true, false), session("b", Side::Gone, "T1", true, true)];
        assert_eq!(lines(&sessions, "T1", "T1", &BOTH_OF_SURVIVOR), [] as [&str; 0]);
    }

    #[test]
    fn the_survivors_therapist_reads_the_others_notes_and_the_other_one_no_longer() {
        let sessions = [
            session("a", Side::Survivor, "T1", true, false),
            session("b", Side::Gone, "T2", true, false),
            session("c", Side::Gone, "T3", true, false),
            session("d", Side::Gone, "T1", true, false),
        ];
        assert_eq!(
            lines(&sessions, "T1", "T2", &BOTH_OF_SURVIVOR),
            [
                // Their own session with the other record was masked until now.
                "T1: c:d n:b n:c / ",
                "T2: record / phone_number email_id c:b n:c n:d",
                "T3: record / ",
            ]
        );
    }

    #[test]
    fn a_session_ahead_shows_the_survivors_contact_data() {
        let sessions = [session("a", Side::Gone, "T2", false, true), session("b", Side::Survivor, "T2", false, false)];
        let sources = [("phone_number", Some(Side::Survivor)), ("email_id", Some(Side::Gone))];
        assert_eq!(lines(&sessions, "T1", "T2", &sources), ["T1: email_id / ", "T2: phone_number c:b / "]);
    }

    #[test]
    fn a_client_of_nobody_gets_the_others_therapist() {
        let sessions = [session("a", Side::Survivor, "", true, false), session("b", Side::Survivor, "T3", true, false)];
        let sources = [("phone_number", Some(Side::Survivor)), ("email_id", None)];
        assert_eq!(lines(&sessions, "", "T2", &sources), ["T2: record phone_number n:a n:b / "]);
    }
}
