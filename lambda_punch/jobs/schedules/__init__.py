"""Recurring jobs: when they run, as EventBridge Scheduler understands it. Imported only by an application that has some."""
