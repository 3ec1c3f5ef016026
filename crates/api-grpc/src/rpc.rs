//! The calls of Dapr's gRPC service by group, as allow and deny lists name them (reference 2.1), and for each group
//! whether this version has it. What each call does is in [`crate::dispatch`].

/// The service, as paths begin.
pub(crate) const SERVICE: &str = "/dapr.proto.runtime.v1.Dapr/";

/// Calls that are allowed and denied together.
pub(crate) struct Group {
    /// `state.v1`.
    pub(crate) name: &'static str,
    /// What it is called in answers when this version does not have it.
    pub(crate) missing: Option<&'static str>,
    /// The calls, without the service.
    pub(crate) calls: &'static [&'static str],
}

const fn here(name: &'static str, calls: &'static [&'static str]) -> Group {
    Group { name, missing: None, calls }
}

const fn later(name: &'static str, feature: &'static str, calls: &'static [&'static str]) -> Group {
    Group { name, missing: Some(feature), calls }
}

/// Every call.
pub(crate) const GROUPS: &[Group] = &[
    here("invoke.v1", &["InvokeService"]),
    here(
        "state.v1",
        &[
            "GetState",
            "GetBulkState",
            "SaveState",
            "DeleteState",
            "DeleteBulkState",
            "ExecuteStateTransaction",
        ],
    ),
    here("state.v1alpha1", &["QueryStateAlpha1"]),
    here("publish.v1", &["PublishEvent", "BulkPublishEvent"]),
    here("publish.v1alpha1", &["BulkPublishEventAlpha1"]),
    here("subscribe.v1alpha1", &["SubscribeTopicEventsAlpha1"]),
    here("secrets.v1", &["GetSecret", "GetBulkSecret"]),
    here("metadata.v1", &["GetMetadata", "SetMetadata"]),
    here("shutdown.v1", &["Shutdown"]),
    later("bindings.v1", "Bindings", &["InvokeBinding"]),
    later(
        "actors.v1",
        "Actors",
        &[
            "RegisterActorTimer",
            "UnregisterActorTimer",
            "RegisterActorReminder",
            "UnregisterActorReminder",
            "UnregisterActorRemindersByType",
            "ListActorReminders",
            "GetActorReminder",
            "GetActorState",
            "ExecuteActorStateTransaction",
            "InvokeActor",
        ],
    ),
    later("actors.v1alpha1", "Actors", &["SubscribeActorEventsAlpha1"]),
    later(
        "configuration.v1",
        "Configuration stores",
        &["GetConfiguration", "SubscribeConfiguration", "UnsubscribeConfiguration"],
    ),
    later(
        "configuration.v1alpha1",
        "Configuration stores",
        &["GetConfigurationAlpha1", "SubscribeConfigurationAlpha1", "UnsubscribeConfigurationAlpha1"],
    ),
    later("lock.v1alpha1", "Locks", &["TryLockAlpha1"]),
    later("unlock.v1alpha1", "Locks", &["UnlockAlpha1"]),
    later("crypto.v1alpha1", "Cryptography", &["EncryptAlpha1", "DecryptAlpha1"]),
    later(
        "subtlecrypto.v1alpha1",
        "Cryptography",
        &[
            "SubtleGetKeyAlpha1",
            "SubtleEncryptAlpha1",
            "SubtleDecryptAlpha1",
            "SubtleWrapKeyAlpha1",
            "SubtleUnwrapKeyAlpha1",
            "SubtleSignAlpha1",
            "SubtleVerifyAlpha1",
        ],
    ),
    later(
        "workflows.v1alpha1",
        "Workflows",
        &[
            "StartWorkflowAlpha1",
            "GetWorkflowAlpha1",
            "PurgeWorkflowAlpha1",
            "TerminateWorkflowAlpha1",
            "PauseWorkflowAlpha1",
            "ResumeWorkflowAlpha1",
            "RaiseEventWorkflowAlpha1",
        ],
    ),
    later(
        "workflows.v1beta1",
        "Workflows",
        &[
            "StartWorkflowBeta1",
            "GetWorkflowBeta1",
            "PurgeWorkflowBeta1",
            "TerminateWorkflowBeta1",
            "PauseWorkflowBeta1",
            "ResumeWorkflowBeta1",
            "RaiseEventWorkflowBeta1",
        ],
    ),
    later("jobs.v1", "Jobs", &["ScheduleJob", "GetJob", "DeleteJob", "DeleteJobsByPrefix", "ListJobs"]),
    later(
        "jobs.v1alpha1",
        "Jobs",
        &[
            "ScheduleJobAlpha1",
            "GetJobAlpha1",
            "DeleteJobAlpha1",
            "DeleteJobsByPrefixAlpha1",
            "ListJobsAlpha1",
        ],
    ),
    later("conversation.v1alpha1", "Conversation", &["ConverseAlpha1"]),
    later("conversation.v1alpha2", "Conversation", &["ConverseAlpha2"]),
];

/// The group of a call of the service.
pub(crate) fn group(call: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.calls.contains(&call))
}
