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
        Broken { text: occurred(kind, component, what), wrapped: true, may_pass }
    }
}

fn occurred(kind: &str, component: &Component, what: impl fmt::Display) -> String {
    format!("[{kind}]: initialization error occurred for {}: {what}", component.log_name())
}

/// A component could not be loaded and its failure is not to be ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    component: String,
    text: String,
}

impl LoadError {
    pub(super) fn new(component: &Component, broken: &Broken) -> Self {
        let text = if broken.wrapped {
            occurred("INIT_COMPONENT_FAILURE", component, &broken.text)
        } else {
            broken.text.clone()
        };
        LoadError { component: component.name.clone(), text }
    }

    /// The component's name.
    pub fn component(&self) -> &str {
        &self.component
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process component {} error: {}", self.component, self.text)
    }
}

impl std::error::Error for LoadError {}
