//! What therapists write: session notes and additional notes.
//!
//! All of it counts as written by other programs, so it is submitted.

use chrono::{DateTime, Utc};

use super::Scribe;
use crate::{
    cli::demo::{
        random::{Random, Topic},
        session::Session,
        tables::Table,
        words,
    },
    platform::time::text::ist_text,
};

const OCCUPATIONS: [&str; 8] =
    ["Software engineer", "Teacher", "Student", "Nurse", "Designer", "Home maker", "Shop owner", "Accountant"];
const MARITAL: [&str; 4] = ["Single", "Married", "Divorced", "In a relationship"];
const CONCERNS: [&str; 8] = [
    "Pressure at work and long hours; finds it hard to say no.",
    "Frequent arguments with parents about plans for the future.",
    "Low mood in the mornings, better in company.\nSleep is irregular.",
    "Grief after the death of a grandparent; anniversaries are difficult.",
    "Anxiety before presentations, with a racing heart.",
    "Distance in the marriage since moving to another city.",
    "தூக்கமின்மை; இரவில் அதிகமாக யோசிக்கிறார்.",
    "Feels left out among colleagues; compares herself with others.",
];
const CUES: [&str; 6] =
    ["tight chest", "shallow breath", "clenched jaw", "restless legs", "tears", "\"knot\", stomach"];
const INTERVENTIONS: [&str; 6] = [
    "Grounding exercise, thought record",
    "Psychoeducation on the stress cycle",
    "Empty chair",
    "Behavioural activation: a plan for three mornings",
    "Guided breathing; body scan",
    "Genogram of three generations",
];
const HELPFUL: [&str; 4] = [
    "Breathing helped at once.",
    "The thought record was hard, worth repeating.",
    "Partly.",
    "Yes, felt lighter at the end.",
];
const PARTICIPATION: [&str; 4] = ["Open and engaged", "Quiet at first, then engaged", "Tired", "Guarded"];
const PROGRESS: [&str; 4] = [
    "Steady",
    "Small steps: two walks this week",
    "A step back after a difficult weekend",
    "Goal reached; new one agreed",
];
const VALUES: [&str; 4] = ["Family, honesty", "Independence", "Learning", "Kindness, humour"];
const PLANS: [&str; 4] = [
    "Review the thought record.",
    "Go on with the timeline; invite the partner if both agree.",
    "Work on sleep hygiene.",
    "Look back on the goals of the first month.",
];
const HOMEWORK: [&str; 4] = ["Sleep diary", "Write down three good moments a day", "Practise saying no once", "None"];
const ADDITIONAL: [&str; 4] = [
    "Asked to move to evenings next month.",
    "Mentioned a book to bring up again.\nSee last session.",
    "Sent the worksheet after the session.",
    "Called to confirm; sounded well.",
];

impl Scribe<'_> {
    /// The therapist wrote the note of a session.
    pub(super) fn noted(&mut self, at: DateTime<Utc>, session: &Session) {
        let person = self.person(session.client);
        let (therapist_id, therapist) = self.therapist(session);
        let mut random = Random::of(Topic::Note, session.number);
        let risk = words::risk(self.notes);
        self.notes += 1;
        let high = risk.is_some_and(|risk| risk.eq_ignore_ascii_case("high"));
        let first_cue = random.index(CUES.len() - 2);
        let cues: Vec<String> = CUES[first_cue..][..random.index(3)]
            .iter()
            .map(|cue| format!("\"{}\"", cue.replace('"', "\\\"")))
            .collect();

        self.sheets.row(Table::SessionNotes, |row| {
            row.text(&session.id())
                .text(&person.name)
                .show(format_args!("{} - {}", ist_text(session.start), ist_text(session.end())))
                .text(therapist)
                .text("Completed")
                .show(person.age)
                .text(person.gender)
                .text(words::in_turn(&OCCUPATIONS, session.client))
                .text(words::in_turn(&MARITAL, session.client))
                .text(random.pick(&CONCERNS));
            if random.percent(10) {
                row.null();
            } else {
                row.show(format_args!("{{{}}}", cues.join(",")));
            }
            row.text(random.pick(&INTERVENTIONS))
                .text(random.pick(&HELPFUL))
                .text(random.pick(&PARTICIPATION))
                .text(random.pick(&PROGRESS))
                .text(words::in_turn(&VALUES, session.client))
                .text(if high { "Yes" } else { "No" })
                .maybe(high.then_some("Thoughts in the evening, no plan; safety plan reviewed together."))
                .maybe(risk)
                .maybe(high.then_some("Close to her sister; looks forward to the next session."))
                .maybe(random.percent(30).then_some("Thyroid treatment; nothing else reported."))
                .maybe(random.percent(15).then_some("Generalised anxiety (earlier, elsewhere)"))
                .text(random.pick(&PLANS))
                .text(random.pick(&HOMEWORK))
                .time(at)
                .time(at);
        });
        if let Some(therapist_id) = therapist_id.filter(|_| random.percent(8)) {
            self.sheets.row(Table::AdditionalNotes, |row| {
                row.text(&session.id()).text(therapist_id).text(therapist).text(random.pick(&ADDITIONAL));
                row.time(at).time(at);
            });
        }
        self.note_told(at, session, &person, high);
    }
}
