//! Every spelling of the words with a meaning: as this server writes them, and as other programs left them.

/// A word and its other spellings.
#[derive(Debug)]
pub(super) struct Spelling {
    /// As this server writes it.
    pub(super) written: &'static str,
    others: &'static [&'static str],
}

impl Spelling {
    /// The spelling at the n-th use: every sixth is one of the others, in turn, so that none is missing.
    pub(super) fn nth(&self, n: usize) -> &'static str {
        if n % 6 == 1 { in_turn(self.others, n / 6) } else { self.written }
    }
}

/// The n-th of a list that starts again at its end.
pub(super) fn in_turn<T: Copy>(from: &[T], n: usize) -> T {
    from[n % from.len()]
}

pub(super) const CONFIRMED: Spelling = Spelling { written: "confirmed", others: &["Confirmed", "CONFIRMED"] };
pub(super) const RESCHEDULED: Spelling = Spelling { written: "rescheduled", others: &["Rescheduled", "RESCHEDULED"] };
pub(super) const CANCELLED: Spelling =
    Spelling { written: "cancelled", others: &["canceled", "Cancelled", "Canceled", "CANCELLED", "CANCELED"] };
pub(super) const NO_SHOW: Spelling =
    Spelling { written: "no_show", others: &["no show", "no-show", "No Show", "No-Show", "NO_SHOW"] };
pub(super) const COMPLETED: Spelling = Spelling { written: "completed", others: &["Completed", "COMPLETED"] };
pub(super) const WAITING: Spelling = Spelling { written: "waiting", others: &["Waiting", "WAITING"] };

/// A place as it was written, and what is meant.
pub(super) type Mode = (Option<&'static str>, &'static str);

/// Where sessions take place.
pub(super) const MODES: [Mode; 20] = [
    (Some("google_meet"), ONLINE),
    (Some("google_meet"), ONLINE),
    (Some("Google Meet"), ONLINE),
    (Some("in_person"), "in_person"),
    (None, ONLINE),
    (Some("google_meet"), ONLINE),
    (Some("phone"), "phone"),
    (Some("In-person (Sample House, 12 Example Road, Indiranagar, Bengaluru)"), "in_person"),
    (Some("google_meet"), ONLINE),
    (Some("online"), ONLINE),
    (Some("in_person"), "in_person"),
    (Some("google_meet"), ONLINE),
    (Some("physical"), "in_person"),
    (Some("google_meet"), ONLINE),
    (Some("Online"), ONLINE),
    (Some("google_meet"), ONLINE),
    (Some("In-Person (2nd floor, Sample House)"), "in_person"),
    (Some("PHONE"), "phone"),
    (Some("google_meet"), ONLINE),
    (Some("Physical"), "in_person"),
];

/// Sessions that have a joining link.
pub(super) const ONLINE: &str = "google_meet";

/// What became of a paid session's money after it was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefundStep {
    /// Nothing was started.
    Nothing,
    /// Asked for, not begun.
    Requested,
    /// Begun, not ended.
    UnderWay,
    /// The money is back.
    Done,
    /// The gateway refused.
    Failed,
}

/// Refunds and how they are spelled.
pub(super) const REFUNDS: [(RefundStep, Option<&str>); 20] = [
    (RefundStep::Done, Some("completed")),
    (RefundStep::Nothing, None),
    (RefundStep::Done, Some("processed")),
    (RefundStep::UnderWay, Some("initiated")),
    (RefundStep::Done, Some("completed")),
    (RefundStep::Failed, Some("failed")),
    (RefundStep::Nothing, None),
    (RefundStep::Done, Some("Processed")),
    (RefundStep::UnderWay, Some("processing")),
    (RefundStep::Requested, Some("requested")),
    (RefundStep::Done, Some("completed")),
    (RefundStep::Done, Some("Completed")),
    (RefundStep::Nothing, None),
    (RefundStep::UnderWay, Some("Initiated")),
    (RefundStep::Done, Some("completed")),
    (RefundStep::Failed, Some("FAILED")),
    (RefundStep::Done, Some("COMPLETED")),
    (RefundStep::UnderWay, Some("Processing")),
    (RefundStep::Done, Some("completed")),
    (RefundStep::Nothing, None),
];

/// How nothing started is spelled where a word is wanted.
pub(super) const PENDING: Spelling = Spelling { written: "Pending", others: &["pending"] };

/// The risk in the n-th note.
pub(super) fn risk(n: usize) -> Option<&'static str> {
    const SPELLINGS: [Option<&str>; 12] = [
        Some("low"),
        Some("moderate"),
        Some("None"),
        Some("low"),
        None,
        Some("high"),
        Some("Low"),
        Some("Moderate"),
        Some("NONE"),
        Some("low"),
        Some("watchful; will call if it gets worse"),
        Some("High"),
    ];
    if n % 4 == 1 { in_turn(&SPELLINGS, n / 4) } else { Some("none") }
}

/// The states of document forms.
pub(super) const FORMS: [Option<&str>; 8] = [
    Some("completed"),
    Some("pending"),
    Some("Completed"),
    None,
    Some("completed"),
    Some("no_show"),
    Some("completed"),
    Some("no show"),
];

/// A session as it is offered and paid.
#[derive(Debug)]
pub(super) struct Offer {
    /// The provider's number for it.
    pub(super) id: i32,
    /// What clients book.
    pub(super) name: &'static str,
    /// What the therapist does.
    pub(super) therapy: &'static str,
    /// Minutes.
    pub(super) minutes: i64,
    /// Rupees, in the notations that occur.
    pub(super) price: [&'static str; 2],
    /// Half of it, for partial refunds.
    pub(super) half: &'static str,
}

/// What every therapist offers one of.
pub(super) const OFFERS: [Offer; 4] = [
    Offer {
        id: 41_001,
        name: "Individual Therapy Session",
        therapy: "Individual Therapy",
        minutes: 50,
        price: ["1700.00", "1700"],
        half: "850.00",
    },
    Offer {
        id: 41_002,
        name: "Adolescent Therapy Session",
        therapy: "Adolescent Therapy",
        minutes: 50,
        price: ["1500.00", "1500"],
        half: "750.00",
    },
    Offer {
        id: 41_003,
        name: "Trauma-informed Therapy Session",
        therapy: "Trauma Therapy",
        minutes: 50,
        price: ["2200.00", "2200.50"],
        half: "1100.00",
    },
    Offer {
        id: 41_004,
        name: "Grief Counselling Session",
        therapy: "Grief Counselling",
        minutes: 50,
        price: ["1400.00", "1399.99"],
        half: "700.00",
    },
];

/// For two.
pub(super) const COUPLES: Offer = Offer {
    id: 41_005,
    name: "Couples Therapy Session",
    therapy: "Couples Therapy",
    minutes: 50,
    price: ["2500.00", "2500"],
    half: "1250.00",
};

/// The first talk.
pub(super) const FREE: Offer = Offer {
    id: 41_006,
    name: "Free Consultation",
    therapy: "Free Consultation",
    minutes: 15,
    price: ["0", "0.00"],
    half: "0",
};
