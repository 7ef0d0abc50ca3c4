"""Processes: worker, dispatcher, receiver, recorder, REST API, supervisor and the command line."""
