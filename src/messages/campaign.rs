//! Which campaign of `AiSensy` a message goes by: `aisensy_campaign_api`, by therapy and therapist.
//!
//! A row counts where its therapy and its therapist are those of the booking or request, or are not said. Where several count, one
//! whose name has a word of the message's kind (`session_reminder_v2`) goes before one whose name has no such word; one
//! with the word of another kind is not taken. Then the one that says more goes first.

use sqlx::PgConnection;

use super::subject::Subject;
use crate::{domain::status::MessageKind, error::Result};

/// The words of the kinds in names of campaigns, each more telling than those that follow.
const WORDS: [(&str, MessageKind); 10] = [
    ("payment", MessageKind::PaymentLink),
    ("reminder", MessageKind::Reminder),
    ("cancel", MessageKind::Cancelled),
    ("moved", MessageKind::Moved),
    ("reschedul", MessageKind::Moved),
    ("confirm", MessageKind::Confirmation),
    ("booked", MessageKind::Confirmation),
    ("booking_link", MessageKind::BookingLink),
    ("link", MessageKind::BookingLink),
    ("request", MessageKind::BookingLink),
];

fn kind_of(name: &str) -> Option<MessageKind> {
    let name: String = name.to_lowercase().replace(['-', ' '], "_");
    WORDS.iter().find(|(word, _)| name.contains(word)).map(|(_, kind)| *kind)
}

/// The campaign for a message, if there is one.
pub(super) async fn find(db: &mut PgConnection, kind: MessageKind, subject: &Subject) -> Result<Option<String>> {
    let found = sqlx::query_scalar!(
        r#"select btrim(c.campaign_name) as "name!"
           from aisensy_campaign_api c
           where btrim(c.campaign_name) <> ''
             and (internal.fold(c.therapy) = internal.fold($1) or coalesce(btrim(c.therapy), '') = '')
             and (internal.fold(c.therapist_name) = internal.fold($2) or coalesce(btrim(c.therapist_name), '') = '')
           order by coalesce(btrim(c.therapy), '') = '', coalesce(btrim(c.therapist_name), '') = '', 1"#,
        subject.therapy,
        subject.therapist,
    )
    .fetch_all(db)
    .await?;
    let of_kind = found.iter().find(|name| kind_of(name) == Some(kind));
    Ok(of_kind.or_else(|| found.iter().find(|name| kind_of(name).is_none())).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_tells_its_kind_by_its_name() {
        for (name, kind) in [
            ("session_reminder_v2", Some(MessageKind::Reminder)),
            ("Payment-Link couples", Some(MessageKind::PaymentLink)),
            ("booking link", Some(MessageKind::BookingLink)),
            ("booking_confirmation", Some(MessageKind::Confirmation)),
            ("rescheduled", Some(MessageKind::Moved)),
            ("couples_asha", None),
        ] {
            assert_eq!(kind_of(name), kind, "{name}");
        }
    }
}
