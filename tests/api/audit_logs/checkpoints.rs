//! The checkpoints of the audit chain, as admins read them.

use safestories::audit::{key::AuditKey, sealing};

use super::{LOGS, book};
use crate::{fixtures::therapist, harness::TestApi};

#[tokio::test(flavor = "multi_thread")]
async fn every_head_is_listed_with_its_signature() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let key = AuditKey::from_seed(&[7; 32]).expect("a key");
    book(&api.admin(), "T1", "2026-02-10T10:30:00Z").await;
    sealing::seal(&api.app.db, &api.app.clock, Some(&key)).await.expect("sealed");
    book(&api.admin(), "T1", "2026-02-11T10:30:00Z").await;
    sealing::seal(&api.app.db, &api.app.clock, None).await.expect("sealed");

    let path = format!("{LOGS}/checkpoints");
    let heads = api.admin().get(&path).await.data();
    assert_eq!(heads.len(), 2);
    assert!(heads[0]["seq"].as_i64() > heads[1]["seq"].as_i64(), "{heads:?}");
    assert_eq!(heads[0]["signature"], serde_json::Value::Null);
    assert_eq!(heads[1]["key_id"], key.public().id());
    assert_eq!(heads[1]["head"].as_str().map(str::len), Some(64));
    assert_eq!(heads[1]["signature"].as_str().map(str::len), Some(88));
    assert_eq!(heads[1]["entries"], heads[1]["seq"]);
    let signed = api.admin().get(&format!("{path}?signed=true&include=total")).await.ok();
    assert_eq!(signed["page"]["total"], 1);
    api.therapist("T1").get(&path).await.is(403);
}
