//! Starts that differ from the time that their texts name.

use sqlx::PgConnection;

use crate::{
    bookings::repair::{self, Disagreement},
    domain::time::Timestamp,
    error::Result,
    integrity::check::{Findings, Look, Sample, checks},
};

checks! {
    "time_shifted" = Error, "Sessions that are 5:30 away from the time the client was told" {
        rule: "`booking_start_at` is UTC and `booking_invitee_time` tells the same instant in the client's zone. A script once wrote Indian wall time into the first, or took it for it: these differ by exactly 5 hours 30 minutes.",
        find: shifted,
        remedy: "Start and end are taken from the text (at most 500 sessions at a time); appointment, refund and caches follow.",
        repair: repair::retime,
    }
    "time_disagrees" = Warning, "Sessions that start at another time than the client was told" {
        rule: "`booking_start_at` and `booking_invitee_time` name the same instant. Which of them is right, where they differ by anything but 5:30, no machine can say; the server goes by the first. A text that cannot be read names none.",
        find: other,
        remedy: "Ask the therapist or the client. If the text is right, reschedule the session; if the start is, ignore the text.",
    }
}

async fn shifted(db: &mut PgConnection, look: Look) -> Result<Findings> {
    differing(db, look, Disagreement::is_shift).await
}

async fn other(db: &mut PgConnection, look: Look) -> Result<Findings> {
    differing(db, look, |found| !found.is_shift()).await
}

async fn differing(db: &mut PgConnection, look: Look, wanted: fn(&Disagreement) -> bool) -> Result<Findings> {
    let mut findings = Findings::default();
    repair::disagreements(db, |found| {
        if wanted(&found) {
            findings.add(look, || sample(found));
        }
    })
    .await?;
    Ok(findings)
}

fn sample(found: Disagreement) -> Sample {
    let text = |at| serde_json::json!(Timestamp::from(at)).as_str().unwrap_or_default().to_owned();
    Sample {
        table: "bookings".to_owned(),
        about: format!("starts {}, its text says {}", text(found.start), text(found.named.0)),
        id: found.id,
    }
}
