//! A regression that really happened, as data: one way of asking, two dialects, and the difference
//! of plan and of code path that follows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::Generation;
use crate::plan::{Dialect, LoadPlan, Spelling};
use crate::subject::{Case, Depth, Machine, Setting, Subject, Truth};
use crate::trace::{CodePath, Diff};

/// A regression. The files in `fixtures/regressions/` hold one each.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A short name, such as `P02`.
    pub id: String,
    /// A line that says what happened.
    pub title: String,
    /// Where it is told.
    pub source: String,
    /// What happened, to whom, and why.
    pub story: String,
    /// The machine to show it on.
    pub machine: Machine,
    /// How it was.
    pub before: ScenarioSide,
    /// How it became.
    pub after: ScenarioSide,
    /// The difference.
    pub expected: ScenarioExpected,
}

/// One way of asking, in one dialect.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSide {
    /// The dialect's name.
    pub dialect: String,
    /// The flags.
    pub flags: Vec<String>,
    /// The variables.
    pub env: BTreeMap<String, String>,
}

/// The difference of a scenario.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioExpected {
    /// The plan before.
    pub plan_before: String,
    /// The plan after.
    pub plan_after: String,
    /// The effective mode before.
    pub effective_before: String,
    /// The effective mode after.
    pub effective_after: String,
    /// The lines of the comparison of the code paths, without what is equal.
    pub differences: Vec<String>,
}

/// One side as the reference engine showed it.
#[derive(Clone, Debug)]
pub struct ShownSide {
    /// The dialect.
    pub dialect: Dialect,
    /// The spelling.
    pub spelling: Spelling,
    /// The plan, or the usage error.
    pub plan: Result<LoadPlan, String>,
    /// What the operations prove.
    pub effective: String,
    /// The code path; empty where nothing was opened.
    pub path: CodePath,
}

impl ShownSide {
    /// The plan with its fallback, or `usage error`.
    pub fn plan_text(&self) -> String {
        match &self.plan {
            Err(_) => "usage error".to_owned(),
            Ok(plan) => plan.to_string(),
        }
    }
}

/// A scenario as the reference engine showed it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// How it was.
    pub before: ShownSide,
    /// How it became.
    pub after: ShownSide,
    /// The comparison of the two code paths.
    pub diff: Diff,
}

impl Shown {
    /// The difference as the scenario's file tells it.
    pub fn difference(&self) -> ScenarioExpected {
        let lines = self.diff.differences().map(ToString::to_string).collect::<String>();
        ScenarioExpected {
            plan_before: self.before.plan_text(),
            plan_after: self.after.plan_text(),
            effective_before: self.before.effective.clone(),
            effective_after: self.after.effective.clone(),
            differences: lines.lines().map(str::to_owned).collect(),
        }
    }
}

impl Scenario {
    /// Reads a scenario from JSON.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Runs both sides.
    ///
    /// # Errors
    /// An unknown dialect, or a load that fails although it has a plan.
    pub fn run(&self) -> Result<Shown, String> {
        let engine = self.machine.engine();
        let (before, after) = (self.before.run(&engine)?, self.after.run(&engine)?);
        let diff = Diff::between(&before.path, &after.path);
        Ok(Shown { before, after, diff })
    }
}

impl ScenarioSide {
    /// The spelling.
    pub fn spelling(&self) -> Spelling {
        let env = self.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Spelling { argv: self.flags.clone(), env }
    }

    fn run(&self, subject: &dyn Subject) -> Result<ShownSide, String> {
        let dialect: Dialect = self.dialect.parse().map_err(|error| format!("{error}"))?;
        let spelling = self.spelling();
        // Nothing is generated at this depth.
        let generation = Generation::default();
        let plan = spelling.resolve(dialect).map(|resolved| resolved.plan).map_err(|e| e.to_string());
        let truth = Truth::embedded();
        let setting =
            Setting { dialect, depth: Depth::Load, generation: &generation, truth: &truth, patience: None };
        let evidence = subject
            .observe(&Case::of(spelling.clone(), dialect), &[], &setting)
            .map_err(|e| e.to_string())?;
        if let (Ok(plan), false) = (&plan, evidence.completed()) {
            return Err(format!("{spelling} ({dialect}, {plan}): {}", evidence.ending.message()));
        }
        let effective = evidence.effective().to_string();
        Ok(ShownSide { dialect, spelling, plan, effective, path: CodePath::from_ops(&evidence.ops) })
    }
}
