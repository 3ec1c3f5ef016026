//! Why a component is not up, in the texts that tools look for (reference 5.4).

use std::fmt;

use mecha_config::runtime::Component;

/// Why a component is not up.
pub(super) enum Failure {
    /// It refers to this secret store, which is not loaded.
    Waiting(String),
    /// It can't be used.
    Broken(Broken),
}

/// What is wrong with a component.
pub(super) struct Broken {
    /// As the log tells it.
    pub(super) text: String,
    /// Whether Dapr calls it a failed initialisation once more where it tells of the process' end.
    wrapped: bool,
    /// Whether it may work later without a change of its declaration.
    pub(super) may_pass: bool,
}

impl Broken {
    /// There is no such driver.
    pub(super) fn create(component: &Component, what: impl fmt::Display) -> Self {
        Self::at("CREATE_COMPONENT_FAILURE", component, what, false)
    }

    /// The driver refused.
    pub(super) fn init(component: &Component, what: impl fmt::Display, may_pass: bool) -> Self {
        Self::at("INIT_COMPONENT_FAILURE", component, what, may_pass)
    }

    /// A type of no building block.
    pub(super) fn incorrect_type(component: &Component, hint: &str) -> Self {
        let text = format!("incorrect type {}{hint}", component.kind);
        Broken { text, wrapped: false, may_pass: false }
    }

    fn at(kind: &str, component: &Component, what: impl fmt::Display, may_pass: bool) -> Self {
        let place = &component.place;
        let what =
            if place.file.is_empty() { what.to_string() } else { format!("{what} (declared at {place})") };
        Broken { text: occurred(kind, component, what), wrapped: true, may_pass }
    }
}

fn occurred(kind: &str, component: &Component, what: impl fmt::Display) -> String {
    format!("[{kind}]: initialization error occurred for {}: {what}", component.log_name())
}

/// The runtime can't go on: a component could not be loaded whose failure is not to be ignored, or a pipeline not be
/// built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError(String);

impl LoadError {
    /// An error with what is wrong.
    pub fn new(text: impl Into<String>) -> Self {
        LoadError(text.into())
    }

    /// A component's.
    pub(super) fn of(component: &Component, broken: &Broken) -> Self {
        let text = if broken.wrapped {
            &occurred("INIT_COMPONENT_FAILURE", component, &broken.text)
        } else {
            &broken.text
        };
        LoadError(format!("process component {} error: {text}", component.name))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}
