//! The one statement that reads bookings.
//!
//! `select_bookings!` takes the reach of the statement, the order's key, the other conditions and the clauses after
//! them, the present instant (`$1`), the scope's owner (`$2`), and the arguments from `$3` on.
//!
//! The reach is `practice` (all bookings, for admins), `own` (a therapist's) or `any` of the two, decided by `$2`. The
//! last one is planned anew at each call, which costs more than running it: PostgreSQL keeps a generic plan only where
//! it is as good as a custom one. So the most frequent reads have statements of their own.
//!
//! Columns of other tables are looked up for each row shown, by index; `offset 0` keeps PostgreSQL from computing them
//! once for each place that uses them.

/// Reads bookings; see the module.
macro_rules! select_bookings {
    (practice, $($rest:tt)*) => {
        select_bookings!(@ ["true"], "$2::text is null", $($rest)*)
    };
    (own, $($rest:tt)*) => {
        select_bookings!(@ shown "", "", "b.therapist_id = $2", $($rest)*)
    };
    (any, $($rest:tt)*) => {
        select_bookings!(
            @ shown "(internal.current_therapist() is null or ", ")",
            "($2::text is null or b.therapist_id = $2)",
            $($rest)*
        )
    };
    // Contact data: while the client is assigned to the therapist or has a session with them ahead, which this may be.
    (@ shown $before:literal, $after:literal, $($rest:tt)*) => {
        select_bookings!(
            @ [
                $before
                "exists (select from internal.contact_shown(a.client_id, b.booking_status, internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration, b.invitee_payment_amount), $1))"
                $after
            ],
            $($rest)*
        )
    };
    (
        @ [$($contact:literal)+], $scope:literal,
        $key:literal, [$($tail:literal)+], $now:expr, $owner:expr $(, $argument:expr)* $(,)?
    ) => {
        sqlx::query_as!(
            Booking,
            r#"select
               b.booking_id as "booking_id!: BookingId",
               a.client_id as "client_id: ClientId",
               b.therapist_id as "therapist_id: TherapistId",
               internal.booking_state(v.status, b.booking_start_at, v.end_at, v.noted, $1) as "state!: BookingState",
               v.noted as "has_session_note!",
               internal.is_free(b.invitee_payment_amount) as "is_free_consultation!",
               v.contact as "contact_visible!",
               v.status as booking_status,
               b.booking_subject,
               b.booking_start_at as "booking_start_at!: Timestamp",
               b.booking_end_at as "booking_end_at!: Timestamp",
               v.end_at as "ends_at!: Timestamp",
               b.booking_duration,
               b.booking_invitee_time,
               internal.booking_mode(b.booking_mode) as "booking_mode!",
               b.booking_joining_link,
               b.booking_checkin_url,
               b.booking_resource_id,
               b.booking_resource_type,
               b.booking_resource_name,
               b.booking_user_id,
               b.booking_account_id,
               b.booking_host_user_id,
               b.booking_host_name,
               b.booking_host_phone,
               b.booking_host_email,
               b.booking_updated_at as "booking_updated_at!: Timestamp",
               b.booking_cancelled_by,
               b.booking_cancel_reason,
               b.invitee_id,
               b.invitee_name,
               b.invitee_phone,
               b.invitee_email,
               b.invitee_question,
               null::text as invitee_token,
               b.invitee_country,
               b.invitee_city,
               b.invitee_timezone,
               b.invitee_created_at as "invitee_created_at!: Timestamp",
               b.invitee_cancelled_at as "invitee_cancelled_at!: Timestamp",
               b.invitee_cancelled_reason,
               internal.invitee_status(b.invitee_status) as invitee_status,
               b.invitee_payment_reference_id,
               b.invitee_payment_gateway,
               b.invitee_payment_name,
               b.invitee_payment_currency,
               b.invitee_payment_amount as "invitee_payment_amount!: Amount",
               b.refund_amount as "refund_amount!: Amount",
               internal.refund_status(b.refund_status) as refund_status,
               b.refund_failed_time as "refund_failed_time!: Timestamp",
               b.refund_id,
               b.rescheduled_at as "rescheduled_at!: Timestamp",
               b.rescheduled_start_at as "rescheduled_start_at!: Timestamp",
               b.rescheduled_end_at as "rescheduled_end_at!: Timestamp",
               b.recheduled_from as "rescheduled_from!: Timestamp",
               b.emergency_contact_name,
               b.emergency_contact_relation,
               b.emergency_contact_number,
               b.xmin::text as "version!",
               "# + $key + r#"::text as "sort_key!"
            from bookings b
            left join lateral internal.appointment_of(b.booking_id) a on true
            cross join lateral (
                select internal.booking_status(b.booking_status) as status,
                       internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                            b.invitee_payment_amount) as end_at,
                       exists (
                           select
                           from client_session_notes n
                           left join internal.session_notes own on own.note_id = n.note_id
                           where n.booking_id = b.booking_id
                             and (own.note_id is null or own.signed_at is not null)
                       ) as noted,
                       "# $(+ $contact)+ + r#" as contact
                offset 0
            ) v
            where b.booking_id is not null
              and "# + $scope + r#"
              "# $(+ $tail)+,
            Timestamp::from($now) as Timestamp,
            $owner as Option<&str>,
            $($argument),*
        )
    };
}
pub(super) use select_bookings;
