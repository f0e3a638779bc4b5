//! A page in the depth of a list costs what the first one costs.

use super::{BOOKINGS, many_bookings, practice};

#[tokio::test]
async fn a_page_in_the_depth_costs_what_the_first_one_costs() {
    let api = practice().await;
    // By connections that end, so that what they have read is counted before.
    api.rows_read_by(async |instance| {
        many_bookings(instance, 6_000, 0).await;
        instance.analyze().await;
    })
    .await;
    for filter in ["", "therapist_id=T1&"] {
        // The page before the wanted one is found by its day: a cursor is bound to the list and its order alone.
        let near = api.admin().get(&format!("{BOOKINGS}?{filter}to=2025-06-10&limit=20")).await.ok();
        let cursor = near["page"]["next"].as_str().expect("more");
        for page in [String::new(), format!("&cursor={cursor}")] {
            let path = format!("{BOOKINGS}?{filter}limit=20{page}");
            let read =
                api.rows_read_by(async |instance| assert_eq!(instance.admin().get(&path).await.data().len(), 20)).await;
            assert!((20..200).contains(&read), "{path} read {read} rows");
        }
    }
}
