//! The therapies that the practice offers.

use serde_json::json;

use super::{THERAPISTS, field};
use crate::{fixtures::therapist, harness::TestApi};

const THERAPIES: &str = "/api/v1/admin/therapies";

#[tokio::test]
async fn each_therapy_is_listed_once_with_those_who_offer_it() {
    let api = TestApi::new().await;
    api.given_all([
        therapist("T1").with("specialization", "Individual Therapy, EMDR,, "),
        therapist("T2").with("specialization", "individual  therapy,युगल चिकित्सा"),
        therapist("T3").with("specialization", "Individual Therapy, Hypnosis").with("name", "A first"),
        therapist("T4").with("specialization", json!(null)),
        therapist("T5").with("specialization", "Hypnosis"),
    ])
    .await;
    api.admin().post(&format!("{THERAPISTS}/T5/retire"), json!({})).await.ok();
    let page = api.admin().get(&format!("{THERAPIES}?include=total")).await.ok();
    let rows = page["data"].as_array().unwrap();
    assert_eq!(field(rows, "therapy"), ["EMDR", "Hypnosis", "Individual Therapy", "युगल चिकित्सा"]);
    assert_eq!(page["page"]["total"], 4);
    assert_eq!(rows[2]["therapist_ids"], json!(["T3", "T1", "T2"]));
    assert_eq!(rows[2]["therapist_names"], json!(["A first", "Therapist T1", "Therapist T2"]));
    assert_eq!(rows[1]["therapist_ids"], json!(["T3"]));
    let found = api.admin().get(&format!("{THERAPIES}?q=HYP")).await.data();
    assert_eq!(field(&found, "therapy"), ["Hypnosis"]);

    let first = api.admin().get(&format!("{THERAPIES}?sort=-therapy&limit=3")).await.ok();
    let next = first["page"]["next"].as_str().unwrap();
    let rest = api.admin().get(&format!("{THERAPIES}?sort=-therapy&limit=3&cursor={next}")).await.data();
    assert_eq!(field(&rest, "therapy"), ["EMDR"]);
    let csv = api.admin().with("accept", "text/csv").get(THERAPIES).await;
    assert!(csv.text.contains("Individual Therapy,T3; T1; T2,A first; Therapist T1; Therapist T2"), "{}", csv.text);
}
