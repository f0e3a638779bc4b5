//! The page of a booking link: for a phone first, for screen readers, without JavaScript, and with nothing from elsewhere.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderValue, StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::open::{BookingLink, LinkedBooking, LinkedPayment, mode_in_words};
use crate::{
    domain::{
        status::{BookingState, Channel},
        time::{Timestamp, Zone},
    },
    scheduling::{DaySlots, Slot},
};

/// How the page looks.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2b29;--paper:#fff;--line:#6b7f7b;--strong:#1f5c50;--on-strong:#fff;--alert:#8a1c1c}\
@media(prefers-color-scheme:dark){:root{--ink:#e8efed;--paper:#14201e;--line:#8fa5a0;--strong:#8fd3c3;--on-strong:#10201c;--alert:#ffb3b3}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.5 system-ui,sans-serif}\
main{max-width:34rem;margin:0 auto;padding:1.25rem 1rem 3rem}\
h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}h2{font-size:1.2rem;margin:2rem 0 .5rem}\
dl{margin:0}dt{font-weight:600}dd{margin:0 0 .5rem}\
fieldset{border:0;margin:0 0 1rem;padding:0}legend{font-weight:600;padding:.5rem 0}\
.times{display:flex;flex-wrap:wrap;gap:.5rem}\
.times label{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .9rem;min-height:2.75rem;display:flex;gap:.5rem;align-items:center}\
.times label:has(:checked){border-color:var(--strong);box-shadow:inset 0 0 0 2px var(--strong)}\
.channel{display:flex;gap:.5rem;align-items:center;min-height:2.75rem}\
input{width:1.1rem;height:1.1rem;accent-color:var(--strong)}\
button,select,textarea{font:inherit;border-radius:.5rem;min-height:2.75rem;padding:.5rem 1rem;max-width:100%}\
button{border:1px solid var(--strong);background:var(--strong);color:var(--on-strong);font-weight:600}\
a.button{display:inline-block;border-radius:.5rem;min-height:2.75rem;padding:.5rem 1rem;background:var(--strong);\
color:var(--on-strong);font-weight:600;text-decoration:none}\
button.plain{background:var(--paper);color:var(--strong)}\
select,textarea{border:1px solid var(--line);background:var(--paper);color:var(--ink);width:100%}\
a{color:var(--strong)}:focus-visible{outline:3px solid var(--strong);outline-offset:2px}\
.alert{border-left:4px solid var(--alert);padding:.5rem 1rem;margin:0 0 1rem;color:var(--alert)}\
details{border-top:1px solid var(--line);padding:.75rem 0}summary{min-height:2.75rem;padding:.5rem 0;font-weight:600;color:var(--strong)}\
nav{display:flex;gap:1.5rem;margin:.5rem 0 1rem}";

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| BASE64.encode(digest(&SHA256, STYLE.as_bytes())));

/// The page runs and loads nothing, and sends its forms to this server only; where that answers with a redirect to the payment
/// gateway, browsers ask for that address here, too.
pub(super) fn policy(leads_to: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src data:; form-action 'self'{leads_to}; base-uri 'none'; \
         frame-ancestors 'none'",
        *STYLE_HASH
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Why something was not done, and the free times instead.
pub(super) struct Alert<'a> {
    pub(super) text: String,
    pub(super) next: &'a [Slot],
}

/// The page of a link that opens something.
pub(super) fn link(link: &BookingLink, token: &str, alert: Option<&Alert<'_>>) -> Markup {
    let title = match &link.booking {
        None => format!("Book a session with {}", link.therapist_name),
        Some(booking) if booking.state == BookingState::Cancelled => "Your session is cancelled".to_owned(),
        Some(booking) if !booking.is_booked => format!("Your session with {} waits for payment", link.therapist_name),
        Some(_) => format!("Your session with {}", link.therapist_name),
    };
    frame(
        &title,
        &html! {
            @if let Some(alert) = alert {
                p.alert role="alert" { (sentence(&alert.text)) }
            }
            @if let Some(name) = &link.first_name {
                p { "Hello " (name) "," }
            }
            h1 { (title) }
            @match &link.booking {
                None => (offer(link, token, alert)),
                Some(booking) => (booked(link, booking, token, alert)),
            }
        },
    )
}

/// The page of a link that opens nothing, or where something failed.
pub(super) fn failure(status: StatusCode, text: &str) -> Markup {
    if status == StatusCode::NOT_FOUND {
        return frame(
            "This link is not valid",
            &html! {
                h1 { "This link is not valid" }
                p { "It may be mistyped, or its time is over. Please ask the practice for a new one." }
            },
        );
    }
    frame(
        "That did not work",
        &html! {
            h1 { "That did not work" }
            p role="alert" { (sentence(text)) }
            p { "Please go back and try again, or call the practice." }
        },
    )
}

pub(super) fn frame(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    }
}

/// The session and the times at which it can be booked.
fn offer(link: &BookingLink, token: &str, alert: Option<&Alert<'_>>) -> Markup {
    html! {
        dl {
            dt { "Session" } dd { (link.session) ", " (link.length_minutes) " minutes" }
            dt { "Price" } dd { (price(link)) }
        }
        @if link.pays_first {
            p { "You pay on the next page. The time is held for you until then, and booked once it is paid." }
        }
        @let button = if link.pays_first { "Hold this time and pay" } else { "Book this time" };
        (choice(link, token, alert, &format!("/book/{token}"), button))
    }
}

/// The session that is booked, and what can be done about it.
fn booked(link: &BookingLink, booking: &LinkedBooking, token: &str, alert: Option<&Alert<'_>>) -> Markup {
    let can_change = booking.change_until.is_some();
    html! {
        dl {
            dt { "When" } dd { (moment(booking.booking_start_at, link.tz)) " (" (link.tz) ")" }
            dt { "Session" } dd { (link.session) ", " (link.length_minutes) " minutes" }
            dt { "Where" } dd { (mode_in_words(booking.booking_mode.as_deref())) }
            dt { "Price" } dd { (price(link)) }
        }
        @if let Some(payment) = &booking.payment {
            (pay(link, booking, payment, token))
        }
        @if booking.state == BookingState::Cancelled {
            p { "The session does not take place. To book another one, please ask the practice for a new link." }
        } @else {
            @if booking.is_booked {
                p { a href=(format!("/book/{token}/session.ics")) { "Add it to your calendar" } }
            }
            @if can_change {
                @if booking.is_booked {
                    p { "You can move or cancel it until " (moment(booking.change_until, link.tz)) "." }
                }
                details open[alert.is_some()] {
                    summary { "Move it to another time" }
                    (choice(link, token, alert, &format!("/book/{token}/move"), "Move it to this time"))
                }
            }
            @if can_change || !booking.is_booked {
                details {
                    summary { @if booking.is_booked { "Cancel it" } @else { "Do not pay, and choose again" } }
                    form method="post" action=(format!("/book/{token}/cancel")) {
                        input type="hidden" name="tz" value=(link.tz);
                        @if booking.is_booked {
                            p {
                                label for="reason" { "Why? You need not say." }
                                textarea id="reason" name="reason" rows="2" maxlength="2000" {}
                            }
                        }
                        button type="submit" {
                            @if booking.is_booked { "Cancel the session" } @else { "Give this time back" }
                        }
                    }
                }
            } @else {
                p { "It can be moved or cancelled here no more. Please call the practice if you cannot come." }
            }
        }
        (zones(link, token))
    }
}

/// How the session is paid, and until when.
fn pay(link: &BookingLink, booking: &LinkedBooking, payment: &LinkedPayment, token: &str) -> Markup {
    html! {
        @if !booking.is_booked {
            p { "The time is held for you. It is booked once it is paid." }
        }
        @if let Some(url) = &payment.payment_url {
            p { a.button href=(url) { "Pay " (price(link)) } }
        } @else if payment.expires_at.instant().is_none() {
            p { "It cannot be paid any more. Please give the time back, and choose again." }
        } @else {
            form method="post" action=(format!("/book/{token}")) {
                input type="hidden" name="tz" value=(link.tz);
                input type="hidden" name="booking_start_at" value=(value_of(booking.booking_start_at));
                button type="submit" { "Go to the payment" }
            }
        }
        @if payment.expires_at.instant().is_some() {
            p {
                "Please pay until " (moment(payment.expires_at, link.tz)) "."
                @if payment.holds_until.instant().is_some() {
                    " After that the time is free for others, and you can choose again here."
                }
            }
        }
    }
}

/// A form with the free times, of which one is chosen; after a refusal, first those that are next.
fn choice(link: &BookingLink, token: &str, alert: Option<&Alert<'_>>, action: &str, button: &str) -> Markup {
    let next = alert.map_or(&[][..], |alert| alert.next);
    let zone = if link.booking.is_none() { "invitee_timezone" } else { "tz" };
    html! {
        @if !next.is_empty() {
            h2 { "The next free times" }
            form method="post" action=(action) {
                input type="hidden" name=(zone) value=(link.tz);
                fieldset {
                    legend { "Times in " (link.tz) }
                    div.times {
                        @for slot in next {
                            (time(slot.start.into(), &moment(slot.start.into(), link.tz), "next"))
                        }
                    }
                }
                @if link.booking.is_none() { (consents("next")) }
                button type="submit" { (button) }
            }
        }
        @if link.days.is_empty() {
            h2 { "Free times" }
            p { "There are none from " (day(link.from)) " to " (day(link.to)) "." }
        } @else {
            form method="post" action=(action) {
                h2 { "Free times" }
                input type="hidden" name=(zone) value=(link.tz);
                @for slots in &link.days {
                    fieldset {
                        legend { (day(slots.day)) }
                        div.times {
                            @for (start, shown) in times(slots, link.tz) {
                                (time(start, &shown, "all"))
                            }
                        }
                    }
                }
                @if link.booking.is_none() { (consents("all")) }
                button type="submit" { (button) }
            }
        }
        (other_days(link, token))
        @if link.booking.is_none() { (zones(link, token)) }
    }
}

/// Asks on which channels they agree to get messages; it does not tell on which they have.
fn consents(list: &str) -> Markup {
    html! {
        fieldset {
            legend { "Messages from SafeStories about this session, if you agree" }
            @for (channel, shown) in [(Channel::Whatsapp, "By WhatsApp"), (Channel::Email, "By e-mail")] {
                @let id = format!("{list}-{}", channel.as_str());
                label.channel for=(id) {
                    input type="checkbox" id=(id) name="consents" value=(channel.as_str());
                    (shown)
                }
            }
        }
    }
}

fn time(start: Timestamp, shown: &str, list: &str) -> Markup {
    let value = value_of(start);
    let id = format!("{list}-{value}");
    html! {
        label for=(id) {
            input type="radio" id=(id) name="booking_start_at" value=(value) required;
            (shown)
        }
    }
}

/// A start, as the forms send it.
fn value_of(start: Timestamp) -> String {
    start.instant().map(|start| start.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)).unwrap_or_default()
}

/// Links to the days before and after.
fn other_days(link: &BookingLink, token: &str) -> Markup {
    let days = (link.to - link.from) + TimeDelta::days(1);
    let at = |first: chrono::NaiveDate| format!("/book/{token}?tz={}&from={first}", link.tz);
    let next = link.next_available.instant().map(|next| link.tz.date(next));
    html! {
        nav aria-label="Other days" {
            @if link.days.is_empty() && let Some(next) = next {
                a href=(at(next)) { "The next free time is on " (day(next)) }
            } @else {
                a href=(at(link.from - days)) { "Earlier days" }
                a href=(at(link.from + days)) { "Later days" }
            }
        }
    }
}

/// The form with which another zone is chosen.
fn zones(link: &BookingLink, token: &str) -> Markup {
    let own = link.tz.to_string();
    html! {
        details {
            summary { "Times are in " (own) }
            form method="get" action=(format!("/book/{token}")) {
                p {
                    label for="tz" { "Your time zone" }
                    select id="tz" name="tz" {
                        @if !ZONES.contains(&&*own) { option value=(own) selected { (own) } }
                        @for zone in ZONES.iter() {
                            option value=(zone) selected[*zone == own] { (zone) }
                        }
                    }
                }
                button.plain type="submit" { "Show times in this zone" }
            }
        }
    }
}

/// Places, as people know them, and UTC.
static ZONES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let places = ["Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/"];
    let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    names.filter(|name| *name == "UTC" || places.iter().any(|place| name.starts_with(place))).collect()
});

/// The times of a day. Where clocks show one twice, each says its offset.
fn times(slots: &DaySlots, zone: Zone) -> Vec<(Timestamp, String)> {
    let starts: Vec<(Timestamp, DateTime<Utc>)> =
        slots.starts.iter().filter_map(|start| Some((*start, start.instant()?))).collect();
    let shown = |at: &DateTime<Utc>| at.with_timezone(&zone.0).format("%-I:%M %p").to_string();
    let label = |at: &DateTime<Utc>| {
        let own = shown(at);
        if starts.iter().filter(|(_, other)| shown(other) == own).count() > 1 {
            format!("{own} ({})", at.with_timezone(&zone.0).format("%:z"))
        } else {
            own
        }
    };
    starts.iter().map(|(start, at)| (*start, label(at))).collect()
}

fn day(day: chrono::NaiveDate) -> String {
    day.format("%A, %-d %B %Y").to_string()
}

fn moment(at: Timestamp, zone: Zone) -> String {
    let at = at.instant().map(|at| at.with_timezone(&zone.0).format("%A, %-d %B %Y, %-I:%M %p").to_string());
    at.unwrap_or_default()
}

fn price(link: &BookingLink) -> String {
    match &link.currency {
        Some(currency) if !link.free => format!("{} {currency}", link.amount),
        _ => "Free".to_owned(),
    }
}

/// An error's text as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}
