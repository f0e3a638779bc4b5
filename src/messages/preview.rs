//! What a message would say, and whether it would go, without sending it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    campaign,
    content::Content,
    subject::{Address, Reason, Subject},
    tell,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::{
        contact::LinkInput,
        ids::{BookingId, BookingRequestId, ClientId},
        status::{Channel, MessageKind},
        time::{KnownTimestamp, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::extract::Json,
};

/// Which message is shown: one about a booking, or the link of a booking request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "reminder", "booking_id": "bk_0199c0de00007000800000000000000a" }))]
pub(super) struct PreviewMessage {
    /// Its kind.
    kind: MessageKind,
    /// The booking; not of a `booking_link`.
    booking_id: Option<BookingId>,
    /// The booking request; of a `booking_link` only.
    request_id: Option<BookingRequestId>,
    /// The link of a `payment_link`; an example unless given.
    link: Option<LinkInput>,
}

/// What a message would say now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "goes": true,
    "reason": null,
    "channel": "whatsapp",
    "to": "+919800012345",
    "due_at": "2026-02-04T04:30:00Z",
    "campaign_name": "session_reminder_v2",
    "template_params": [
        "Meera Iyer",
        "Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)",
        "https://meet.example.org/abc"
    ],
    "mail_subject": "Your session is near",
    "mail_text": "Dear Meera Iyer,\n\na reminder of your session:\n\nWednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)\nhttps://meet.example.org/abc\n\nThe practice\n"
}))]
pub(super) struct MessagePreview {
    /// Whether it would be sent.
    goes: bool,
    /// Why not.
    reason: Option<Reason>,
    /// The channel it would go on.
    channel: Option<Channel>,
    /// The phone or address it would go to.
    to: Option<String>,
    /// When, if it were written now.
    #[schema(value_type = KnownTimestamp)]
    due_at: Timestamp,
    /// The campaign for it, where there is one.
    campaign_name: Option<String>,
    /// The parameters of the campaign's template, in order; null where there is no link to send.
    template_params: Option<Vec<String>>,
    /// The subject of the mail.
    mail_subject: Option<&'static str>,
    /// The text of the mail.
    mail_text: Option<String>,
}

/// Show a message
///
/// What a message of this kind would say now, as a template's parameters and as a mail, and whether it would be sent. Nothing is
/// sent; that it was shown is audited, since it holds contact data.
#[utoipa::path(
    post,
    path = "/messages/preview",
    tag = "messages",
    request_body = PreviewMessage,
    responses(
        (status = 200, description = "The message", body = MessagePreview),
        (status = 404, description = "There is no such booking or request"),
        Problems,
    ),
)]
pub(super) async fn preview_message(work: Work, Json(request): Json<PreviewMessage>) -> Result<Json<MessagePreview>> {
    work.run(async |uow| Ok(Json(preview(uow, request).await?))).await
}

async fn preview(uow: &mut UnitOfWork, request: PreviewMessage) -> Result<MessagePreview> {
    let PreviewMessage { kind, booking_id, request_id, link } = request;
    let is_of_request = kind == MessageKind::BookingLink;
    match (is_of_request, &booking_id, request_id) {
        (true, None, Some(_)) | (false, Some(_), None) => {}
        (true, _, None) => return Err(Error::body("/request_id", "is needed for a booking link")),
        (true, Some(_), _) => return Err(Error::body("/booking_id", "a booking link is of a booking request")),
        (false, None, _) => return Err(Error::body("/booking_id", "is needed for this kind")),
        (false, _, Some(_)) => return Err(Error::body("/request_id", "is of a booking link only")),
    }
    let subject = Subject::read(uow.db(), booking_id.as_ref(), request_id).await?;
    if !subject.is_there {
        return Err(Error::NotFound(if is_of_request { "booking request" } else { "booking" }));
    }
    let (app, now) = (uow.app().clone(), uow.now());
    let start = subject.start_at.instant();
    let example = (kind == MessageKind::PaymentLink).then(|| "https://pay.example.org/example".to_owned());
    let link = link.map(|link| link.as_str().to_owned()).or(example);
    let content = Content::new(kind, &subject, link, app.zone);
    let address = subject.address(kind, start, now, &app.messaging);
    let campaign_name = campaign::find(uow.db(), kind, &subject).await?;
    let reason = match (&address, &content) {
        (Err(reason), _) | (_, Err(reason)) => Some(*reason),
        (Ok(Address::Whatsapp(_)), _) if campaign_name.is_none() => Some(Reason::NoCampaign),
        _ => None,
    };
    let content = content.ok();
    let practice = app.messaging.mail.as_ref().and_then(|mail| mail.from.name.clone()).unwrap_or_default();
    let entry =
        Entry::new("message_preview", "Looked at what a message would say").quiet().detail(json!({ "kind": kind }));
    let entry = match (&booking_id, request_id) {
        (Some(booking), _) => entry.on("booking", booking),
        (None, Some(request)) => entry.on("booking_request", request),
        (None, None) => entry,
    };
    uow.record(match &subject.client_id {
        Some(client) => entry.client(&ClientId::from(client.as_str()), subject.name()),
        None => entry,
    });
    Ok(MessagePreview {
        goes: reason.is_none(),
        reason,
        channel: address.as_ref().ok().map(Address::channel),
        to: address.ok().map(|address| match address {
            Address::Whatsapp(phone) => phone.as_str().to_owned(),
            Address::Email(email) => email.as_str().to_owned(),
        }),
        due_at: Timestamp::from(tell::at_once(&app, subject.time_zone.as_deref(), now, start)),
        campaign_name,
        template_params: content.as_ref().map(|content| content.params().into_iter().map(ToOwned::to_owned).collect()),
        mail_subject: content.as_ref().map(Content::title),
        mail_text: content.as_ref().map(|content| content.text(&practice)),
    })
}
