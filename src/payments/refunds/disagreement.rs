//! The kinds of disagreement between the four tables of money: which table is right, by which rule, and the repair. The
//! set is closed: `internal.money_disagreements` finds these and no others.
//!
//! The rules, in short: a payment is right about the amounts paid and refunded; a booking is right about whether it
//! takes place, and about the amount paid while it has no payment; a refund in any place counts, so that money is never
//! refunded twice.

use crate::domain::status::words;

words! {
    /// A kind of disagreement.
    pub enum DisagreementKind {
        /// A payment is for no booking, or for one that does not exist.
        PaymentWithoutBooking,
        /// A booking says it was paid, and has no payment.
        PaidWithoutPayment,
        /// A booking awaits its payment, and has one.
        PaymentWhileAwaited,
        /// A payment has no amount, and its booking has one.
        PaymentWithoutAmount,
        /// A booking's amount is not the sum of its payments.
        AmountDiffers,
        /// A booking has a refund, and none of its payments has.
        RefundOnlyInBooking,
        /// A booking's refund has another status than the least advanced one of its payments, or the booking has none.
        RefundStatusDiffers,
        /// A booking's refund is not the sum of its payments' refunds.
        RefundAmountDiffers,
        /// The list has a refund of no payment that exists.
        RefundWithoutPayment,
        /// The list has a refund, and its payment has not.
        RefundOnlyListed,
        /// The list has another status of a refund than its payment.
        RefundListedOtherwise,
        /// The list has a payment's refund more than once.
        RefundListedTwice,
        /// A payment has a refund that the list does not have.
        RefundNotListed,
        /// The list has an undecided refund of a booking that was not cancelled.
        RefundWaitsForNothing,
        /// More goes back than was paid.
        RefundAbovePayment,
        /// A paid booking was cancelled, and the list has no row for its refund.
        CancelledWithoutRefund,
        /// A booking was cancelled, and there is no record of its cancellation.
        CancelledWithoutRecord,
        /// A cancellation is recorded, and its booking is not cancelled (and was not restored here).
        RecordWithoutCancellation,
    }

    /// One of the places that tell of money: a table.
    pub enum DisagreementSide {
        /// `bookings`.
        Bookings,
        /// `payments`.
        Payments,
        /// `refund_cancellation_table`.
        RefundCancellationTable,
        /// None of them: somebody has to look.
        Nobody,
    }
}

/// How a kind of disagreement is settled.
#[derive(Debug, Clone, Copy)]
pub struct Settlement {
    /// Which side is right.
    pub right: DisagreementSide,
    /// By which rule.
    pub rule: &'static str,
    /// The repair.
    pub repair: &'static str,
}

const PAYMENT_IS_TRUTH: &str =
    "A payment says what was paid and how much of it goes back; bookings and the list follow.";
const TOLD_REFUND_COUNTS: &str = "A refund that any place tells of counts, so that money never goes back twice.";
const BOOKING_SAYS_STATUS: &str = "A booking says whether it takes place; what tells of cancellations follows.";
const ONE_REFUND: &str = "A payment has one refund, of at most what was paid, and the list has it once.";

const SAVE_PAYMENT: &str = "Save the payment: PATCH /payments/{payment_id} with {}.";
const RECORD_PAYMENT: &str = "Record the payment: POST /payments.";

impl DisagreementKind {
    /// The side that is right, the rule, and the repair.
    pub fn settlement(self) -> Settlement {
        use DisagreementKind as K;
        let (right, rule, repair) = match self {
            K::PaymentWithoutBooking => (
                DisagreementSide::Payments,
                "Money that was taken counts, also where nobody knows what for.",
                "Find out by its reference what it was for; record it for that booking, or refund it.",
            ),
            K::PaidWithoutPayment => (
                DisagreementSide::Bookings,
                "A booking with an amount whose payment is not awaited was paid.",
                RECORD_PAYMENT,
            ),
            K::PaymentWhileAwaited => (
                DisagreementSide::Bookings,
                "While a booking awaits its payment, nothing was paid.",
                "If the money is there, confirm the booking: PATCH /bookings/{booking_id} with invitee_status confirmed.",
            ),
            K::PaymentWithoutAmount => {
                (DisagreementSide::Bookings, "The booking has a value that its payment lacks.", SAVE_PAYMENT)
            }
            K::AmountDiffers | K::RefundStatusDiffers | K::RefundAmountDiffers | K::RefundListedOtherwise => {
                (DisagreementSide::Payments, PAYMENT_IS_TRUTH, SAVE_PAYMENT)
            }
            K::RefundOnlyInBooking => (
                DisagreementSide::Bookings,
                TOLD_REFUND_COUNTS,
                "Save the booking's payment: PATCH /payments/{payment_id} with {}; or record it: POST /payments.",
            ),
            K::RefundWithoutPayment => (
                DisagreementSide::RefundCancellationTable,
                TOLD_REFUND_COUNTS,
                "Record what was paid for the booking: POST /payments; or move the refund on as it is.",
            ),
            K::RefundOnlyListed => (DisagreementSide::RefundCancellationTable, TOLD_REFUND_COUNTS, SAVE_PAYMENT),
            K::RefundListedTwice => (
                DisagreementSide::Payments,
                ONE_REFUND,
                "Decide by hand which row is the refund's; the payment's refund_cancellation_id names the one in use.",
            ),
            K::RefundNotListed => (DisagreementSide::Payments, ONE_REFUND, SAVE_PAYMENT),
            K::RefundWaitsForNothing => (DisagreementSide::Bookings, BOOKING_SAYS_STATUS, SAVE_PAYMENT),
            K::RefundAbovePayment => (
                DisagreementSide::Nobody,
                ONE_REFUND,
                "Correct what was paid: PATCH /payments/{payment_id}; or what goes back, when the refund's status moves.",
            ),
            K::CancelledWithoutRefund => (
                DisagreementSide::Bookings,
                "A paid booking that was called off waits in the list until its refund is decided.",
                SAVE_PAYMENT,
            ),
            K::CancelledWithoutRecord | K::RecordWithoutCancellation => (
                DisagreementSide::Bookings,
                BOOKING_SAYS_STATUS,
                "Nothing that counts depends on the record; the repair of the data's integrity may complete it.",
            ),
        };
        Settlement { right, rule, repair }
    }
}
