//! Sessions that are paid before they are booked: what holds the time meanwhile, and what follows where nobody pays.

use axum::http::Method;
use futures_util::future::join_all;
use safestories::cli::serve::money;
use serde_json::{Value, json};

use super::{ADMIN, BOOKINGS, REQUESTS, choose, linked, path, see, sent, starts, submit};
use crate::{
    arrivals::messages::endpoint,
    harness::{Answer, Reach, TestApi, drift, run, value},
    payment_links::{
        event,
        gateway::{Fault, Gateway},
    },
};

const START: &str = "2026-02-05T04:30:00Z";
const FORM: &[(&str, &str)] = &[("booking_start_at", START), ("invitee_timezone", "Asia/Kolkata")];
const FIRST: &str = "https://rzp.example.org/plink_1";

/// The practice, which has its sessions paid first.
struct Shop {
    api: TestApi,
    gateway: Gateway,
}

impl Shop {
    async fn new() -> Self {
        let gateway = Gateway::start().await;
        let api = super::practice().await.reached(Reach { razorpay: Some(gateway.port), ..Reach::default() });
        say(&api, "required").await;
        Self { api, gateway }
    }

    /// Another server of the practice.
    fn another(&self) -> TestApi {
        self.api.reached(Reach { razorpay: Some(self.gateway.port), ..Reach::default() })
    }

    /// What the workers do, at once.
    async fn work(&self) {
        money::work(&self.api.app).await.expect("work");
        self.api.take_up().await;
    }

    /// The gateway tells that a link was paid.
    async fn pay(&self, link: &str, at: &str) {
        let link = self.gateway.books.lock().expect("books").links[link].clone();
        let messages = endpoint(&self.api, "razorpay", "live").await;
        messages.send(&self.api, "e1", &event(&link, "payment.captured", at)).await.is(200);
        messages.send(&self.api, "e2", &event(&link, "payment_link.paid", at)).await.is(200);
        self.api.take_up().await;
    }

    /// The bookings in a few words, in the order in which they were made.
    async fn bookings(&self) -> Value {
        let sql = "select jsonb_agg(booking_status || ' ' || invitee_status order by invitee_created_at, booking_id) from bookings";
        value(&self.api, sql).await
    }

    /// Whether the time is offered to admins.
    async fn is_free(&self) -> bool {
        let slots = self.api.admin().get(&format!("{ADMIN}/slots?therapist_id=T1&from=2026-02-05&to=2026-02-05")).await;
        slots.is(200);
        slots.text.contains(START)
    }
}

/// Sets whether sessions are paid first.
async fn say(api: &TestApi, payment_by_link: &str) {
    let body = json!({ "rules": [], "payment_by_link": payment_by_link });
    api.admin().send(Method::PUT, &format!("{ADMIN}/scheduling-policy"), Some(body)).await.ok();
}

async fn page(api: &TestApi, path: &str) -> Answer {
    let page = api.nobody().with("accept", "text/html").get(path).await;
    page.is(200);
    page
}

async fn request_of(api: &TestApi, request: &Value) -> Value {
    api.admin().get(&format!("{REQUESTS}/{}", request["request_id"])).await.ok()
}

#[tokio::test]
async fn a_form_leads_to_the_payment_and_the_session_is_booked_once_it_is_paid() {
    let shop = Shop::new().await;
    let api = &shop.api;
    let request = sent(api, json!({})).await;
    let link = path(&request);
    let offer = page(api, &link).await;
    assert!(offer.text.contains("Hold this time and pay"), "{}", offer.text);
    assert!(offer.header("content-security-policy").contains("form-action 'self' http:;"), "it leads to the gateway");
    assert_eq!(see(api, &link).await.ok()["pays_first"], true);

    let answer = submit(api, &link, FORM).await;
    answer.is(303);
    assert_eq!(answer.header("location"), FIRST);
    let made = shop.gateway.only_link();
    assert_eq!((&made["amount"], &made["expire_by"]), (&json!(170_000), &json!(1_770_181_200)), "half an hour");
    assert_eq!(shop.bookings().await, json!(["confirmed waiting"]));
    let asked = request_of(api, &request).await;
    assert_eq!((&asked["status"], &asked["booking_id"]), (&json!("sent"), &json!(null)), "nothing is booked yet");

    let seen = see(api, &link).await.ok();
    assert_eq!(seen["booking"]["is_booked"], false);
    let payment =
        json!({ "payment_url": FIRST, "expires_at": "2026-02-04T05:00:00Z", "holds_until": "2026-02-04T05:02:00Z" });
    assert_eq!(seen["booking"]["payment"], payment);
    let waiting = page(api, &link).await.text;
    for text in ["waits for payment", "10:00 AM", "Please pay until Wednesday, 4 February 2026, 10:30 AM", FIRST] {
        assert!(waiting.contains(text), "{text}: {waiting}");
    }
    for path in ["/move", "/cancel"] {
        assert!(waiting.contains(&format!("action=\"{link}{path}\"")), "{waiting}");
    }
    assert!(!waiting.contains("session.ics"), "{waiting}");
    api.nobody().get(&format!("{link}/session.ics")).await.is(404);

    shop.pay("plink_1", "2026-02-04T04:40:00Z").await;
    assert_eq!(shop.bookings().await, json!(["confirmed confirmed"]));
    assert_eq!(
        value(api, "select string_agg(amount || ' ' || payment_reference_id, ', ') from payments").await,
        "1700.00 order_1"
    );
    let asked = request_of(api, &request).await;
    assert_eq!(asked["status"], "booked");
    let booking = api.admin().get(&format!("{BOOKINGS}/{}", asked["booking_id"].as_str().expect("an id"))).await.ok();
    assert_eq!(booking["invitee_status"], "confirmed");
    let seen = see(api, &link).await.ok();
    assert_eq!((&seen["booking"]["is_booked"], &seen["booking"]["payment"]), (&json!(true), &json!(null)));
    let booked = page(api, &link).await.text;
    assert!(booked.contains("session.ics") && booked.contains("Cancel the session"), "{booked}");
    api.nobody().get(&format!("{link}/session.ics")).await.is(200);
    // It is booked for good.
    api.pass(60);
    shop.work().await;
    assert_eq!(shop.bookings().await, json!(["confirmed confirmed"]));
    assert_eq!(drift(api).await.rows(), 0);
}

#[tokio::test]
async fn done_again_it_leads_to_the_same_payment() {
    let shop = Shop::new().await;
    let (api, there) = (&shop.api, shop.another());
    let link = linked(api).await;
    let servers = [api, &there];
    let clicks = (0..8).map(|number| choose(servers[number % 2], &link, START));
    for answer in join_all(clicks).await {
        assert!([200, 201].contains(&answer.status.as_u16()), "{}", answer.text);
        assert_eq!(answer.body["booking"]["payment"]["payment_url"], FIRST);
    }
    let again = submit(api, &link, FORM).await;
    assert_eq!((again.status.as_u16(), again.header("location")), (303, FIRST));
    choose(api, &link, "2026-02-05T06:30:00Z").await.is_problem(409, "link-used");
    shop.gateway.only_link();
    assert_eq!(shop.bookings().await, json!(["confirmed waiting"]));
}

#[tokio::test]
async fn a_time_is_held_two_minutes_longer_than_its_link_and_then_free_whoever_sleeps() {
    let shop = Shop::new().await;
    let api = &shop.api;
    let (own, other) = (linked(api).await, linked(api).await);
    // No capacity for another, either.
    run(api, "update therapists set capacity = 1 where therapist_id = 'T1'").await;
    choose(api, &own, START).await.created();
    assert_eq!(starts(api, &other).await, [] as [&str; 0], "full");
    run(api, "update therapists set capacity = 0 where therapist_id = 'T1'").await;
    for at in ["2026-02-04T04:31:00Z", "2026-02-04T05:00:30Z", "2026-02-04T05:01:59Z"] {
        api.at(at);
        assert!(!shop.is_free().await && !starts(api, &other).await.contains(&START.to_owned()), "{at}");
        let refused = choose(api, &other, START).await;
        refused.is_problem(409, "time-not-free");
        let next = refused.body["next_slots"].as_array().expect("slots");
        assert_eq!((next.len(), &next[0]["booking_start_at"]), (3, &json!("2026-02-05T05:30:00Z")), "{at}");
        assert_eq!(see(api, &own).await.ok()["booking"]["is_booked"], false);
    }

    let over = page(api, &own).await.text;
    assert!(over.contains("It cannot be paid any more") && !over.contains(FIRST), "{over}");
    let again = submit(api, &own, FORM).await;
    assert_eq!(again.header("location"), format!("{own}?tz=Asia/Kolkata"));

    // No message comes, and no worker runs.
    api.at("2026-02-04T05:02:00Z");
    assert!(shop.is_free().await);
    run(api, "update therapists set capacity = 1 where therapist_id = 'T1'").await;
    assert!(starts(api, &other).await.contains(&START.to_owned()));
    let seen = see(api, &own).await.ok();
    assert_eq!((&seen["booking"], &seen["expires_at"]), (&json!(null), &json!("2026-02-11T04:30:00Z")));
    let hold = json!({ "therapist_id": "T1", "booking_start_at": START });
    let hold = api.admin().post("/api/v1/admin/holds", hold).await.created();
    api.admin().delete(&format!("/api/v1/admin/holds/{}", hold["hold_id"])).await.is(204);
    assert_eq!(shop.bookings().await, json!(["confirmed waiting"]));

    // The same link books the same time again: the first attempt is over.
    let again = choose(api, &own, START).await.created();
    assert_eq!(again["booking"]["payment"]["payment_url"], "https://rzp.example.org/plink_2");
    assert_eq!(shop.bookings().await, json!(["cancelled cancelled", "confirmed waiting"]));
    shop.work().await;
    shop.pay("plink_2", "2026-02-04T05:10:00Z").await;
    assert_eq!(shop.bookings().await, json!(["cancelled cancelled", "confirmed confirmed"]));
    assert_eq!(value(api, "select count(*) from booking_requests where status = 'booked'").await, 2, "as any booking");
    let log = api.audit_log().await;
    assert!(log.iter().any(|(_, sentence)| sentence.starts_with("Cancelled the session of Meera")), "{log:?}");
    assert_eq!(drift(api).await.rows(), 0);
}

#[tokio::test]
async fn the_worker_cancels_what_was_not_paid_and_the_link_books_again() {
    for is_told in [false, true] {
        let shop = Shop::new().await;
        let api = &shop.api;
        let request = sent(api, json!({})).await;
        let link = path(&request);
        submit(api, &link, FORM).await.is(303);
        if is_told {
            let messages = endpoint(api, "razorpay", "live").await;
            let expired = event(&shop.gateway.only_link(), "payment_link.expired", "2026-02-04T05:00:00Z");
            api.at("2026-02-04T05:00:10Z");
            messages.send(api, "e1", &expired).await.is(200);
        }
        api.at("2026-02-04T05:01:59Z");
        shop.work().await;
        assert_eq!(shop.bookings().await, json!(["confirmed waiting"]));
        api.at("2026-02-04T05:02:00Z");
        shop.work().await;
        assert_eq!(shop.bookings().await, json!(["cancelled cancelled"]), "told: {is_told}");
        assert_eq!(value(api, "select count(*) from internal.payment_links where holds_until is not null").await, 0);
        assert_eq!(request_of(api, &request).await["status"], "sent");
        choose(api, &link, START).await.created();
        assert_eq!(shop.bookings().await, json!(["cancelled cancelled", "confirmed waiting"]));
        assert_eq!(drift(api).await.rows(), 0);
    }
}

#[tokio::test]
async fn what_is_paid_too_late_is_kept_to_be_looked_at() {
    let shop = Shop::new().await;
    let api = &shop.api;
    let link = linked(api).await;
    choose(api, &link, START).await.created();
    api.at("2026-02-04T05:10:00Z");
    shop.pay("plink_1", "2026-02-04T05:09:00Z").await;
    assert_eq!(shop.bookings().await, json!(["cancelled cancelled"]));
    assert_eq!(value(api, "select sum(amount) from payments").await, 1700.00);
    assert_eq!(value(api, "select state || ' ' || paid_late from internal.payment_links").await, "paid true");
    assert_eq!(value(api, "select status from booking_requests").await, "sent");
    assert!(see(api, &link).await.ok()["booking"].is_null());
}

#[tokio::test]
async fn where_the_gateway_does_not_answer_nothing_is_booked() {
    let shop = Shop::new().await;
    let api = &shop.api;
    let link = linked(api).await;
    for fault in [Fault::Broken, Fault::Keys, Fault::LostAnswer] {
        shop.gateway.fail(&[fault]);
        let form = submit(api, &link, FORM).await;
        assert_eq!(form.status.as_u16(), 503, "{fault:?}");
        assert!(form.text.contains("The payment service does not answer, so nothing was booked"), "{}", form.text);
        assert!(form.text.contains("Hold this time and pay"), "it can be tried again: {}", form.text);
        assert!(shop.is_free().await, "{fault:?}");
    }
    shop.gateway.fail(&[Fault::Broken]);
    choose(api, &link, START).await.is_problem(503, "payment-unavailable");
    assert!(see(api, &link).await.ok()["booking"].is_null());
    assert_eq!(value(api, "select count(*) from bookings where booking_status <> 'cancelled'").await, 0);
    // The one that was made without an answer cannot be paid for long.
    api.pass(2);
    shop.work().await;
    shop.work().await;
    assert_eq!(shop.gateway.only_link()["status"], "cancelled");
    let standing =
        "select count(*) from internal.payment_links where state in ('making', 'open') or holds_until is not null";
    assert_eq!(value(api, standing).await, 0);
    submit(api, &link, FORM).await.is(303);
}

#[tokio::test]
async fn without_a_price_a_rule_or_a_gateway_it_books_at_once() {
    let shop = Shop::new().await;
    let api = &shop.api;
    let free = json!({ "is_free_consultation": true, "amount": null, "therapy_type": "Free Consultation" });
    let free = path(&sent(api, free).await);
    assert_eq!(see(api, &free).await.ok()["pays_first"], false);
    assert!(!page(api, &free).await.header("content-security-policy").contains("http:"));
    let booked = choose(api, &free, "2026-02-05T06:00:00Z").await.created();
    assert_eq!((&booked["booking"]["is_booked"], &booked["booking"]["payment"]), (&json!(true), &json!(null)));

    let priced = linked(api).await;
    let off = api.second_instance();
    assert_eq!(see(&off, &priced).await.ok()["pays_first"], false, "there is no gateway");
    let booked = choose(&off, &priced, "2026-02-05T07:00:00Z").await.created();
    assert_eq!((&booked["booking"]["is_booked"], &booked["booking"]["payment"]), (&json!(true), &json!(null)));

    let another = linked(api).await;
    say(api, "none").await;
    let form = submit(api, &another, &[("booking_start_at", "2026-02-05T08:00:00Z")]).await;
    assert_eq!((form.status.as_u16(), form.header("location")), (303, another.as_str()));
    assert_eq!(shop.gateway.count(""), 0);
    assert_eq!(value(api, "select count(*) from booking_requests where status = 'booked'").await, 3);
}

#[tokio::test]
async fn an_unpaid_time_can_be_moved_or_given_back_to_choose_again() {
    let shop = Shop::new().await;
    let api = &shop.api;
    let link = linked(api).await;
    choose(api, &link, START).await.created();
    let moved = choose(api, &format!("{link}/move"), "2026-02-05T07:00:00Z").await.ok();
    assert_eq!(moved["booking"]["booking_start_at"], "2026-02-05T07:00:00Z");
    assert_eq!(moved["booking"]["payment"]["payment_url"], FIRST);
    assert!(shop.is_free().await);
    // Later than the practice allows for sessions that are booked.
    let body = json!({ "rules": [{ "notice_minutes": 2880 }] });
    api.admin().send(Method::PUT, &format!("{ADMIN}/scheduling-policy"), Some(body)).await.ok();
    let back = submit(api, &format!("{link}/cancel"), &[("tz", "Asia/Kolkata")]).await;
    assert_eq!((back.status.as_u16(), back.header("location")), (303, format!("{link}?tz=Asia/Kolkata").as_str()));
    assert!(page(api, &link).await.text.contains("Hold this time and pay"));
    shop.work().await;
    assert_eq!(shop.gateway.only_link()["status"], "cancelled");
    let again = choose(api, &link, "2026-02-09T05:00:00Z").await.created();
    assert_eq!(again["booking"]["payment"]["payment_url"], "https://rzp.example.org/plink_2");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_a_time_one_holds_it_and_the_others_see_the_next_three() {
    let shop = Shop::new().await;
    let (api, there) = (&shop.api, shop.another());
    let mut links = Vec::new();
    for _ in 0..8 {
        links.push(linked(api).await);
    }
    let servers = [api, &there];
    let wanted = links.iter().enumerate().map(|(number, link)| choose(servers[number % 2], link, START));
    let answers = join_all(wanted).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        lost.is_problem(409, "time-not-free");
        assert_eq!(lost.body["next_slots"].as_array().map(Vec::len), Some(3));
    }
    shop.gateway.only_link();
}

#[tokio::test]
async fn a_payment_in_another_way_books_it_too() {
    for by_hand in [true, false] {
        let shop = Shop::new().await;
        let api = &shop.api;
        let request = sent(api, json!({})).await;
        choose(api, &path(&request), START).await.created();
        let id = value(api, "select booking_id from bookings").await;
        let id = id.as_str().expect("an id");
        if by_hand {
            let payment = json!({ "booking_id": id, "amount": "1700.00", "payment_gateway_name": "cash" });
            api.admin().post(&format!("{ADMIN}/payments"), payment).await.created();
        } else {
            run(api, "update bookings set invitee_status = 'confirmed'").await;
            api.take_up().await;
        }
        let asked = request_of(api, &request).await;
        assert_eq!((&asked["status"], &asked["booking_id"]), (&json!("booked"), &json!(id)), "by hand: {by_hand}");
        api.pass(60);
        shop.work().await;
        assert_eq!(shop.bookings().await, json!(["confirmed confirmed"]));
        assert_eq!(shop.gateway.only_link()["status"], "cancelled", "nobody is to pay twice");
    }
}

#[tokio::test]
async fn an_admins_link_says_how_long_it_holds_the_time() {
    let shop = Shop::new().await;
    let api = &shop.api;
    let hold = json!({ "therapist_id": "T1", "booking_start_at": START, "minutes": 60 });
    let hold = api.admin().post("/api/v1/admin/holds", hold).await.created();
    let booking = json!({
        "therapist_id": "T1", "booking_start_at": START, "hold_id": hold["hold_id"], "client_id": "C1",
        "invitee_name": super::NAME, "invitee_phone": "+919800012345", "invitee_payment_amount": "1700.00",
        "invitee_status": "waiting",
    });
    let booking = api.admin().post(BOOKINGS, booking).await.created();
    let link = format!("{BOOKINGS}/{}/payment-link", booking["booking_id"].as_str().expect("an id"));
    let made = api.admin().post(&link, json!({ "minutes": 20, "cancel_booking": true })).await.created();
    assert_eq!(
        (&made["expires_at"], &made["holds_until"]),
        (&json!("2026-02-04T04:50:00Z"), &json!("2026-02-04T04:52:00Z"))
    );
    api.at("2026-02-04T04:51:59Z");
    assert!(!shop.is_free().await);
    api.at("2026-02-04T04:52:00Z");
    assert!(shop.is_free().await);
    shop.work().await;
    shop.work().await;
    assert_eq!(shop.bookings().await, json!(["cancelled cancelled"]));
    assert_eq!(api.admin().get(&link).await.ok()["holds_until"], json!(null));
}
