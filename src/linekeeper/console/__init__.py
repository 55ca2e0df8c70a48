"""The console: pages for the people who work with a store, served beside the routes of the service.

Pages are made on the server from the answers that the service gives, in Chinese and English, and work without any
script. What they know of a person is a session: a key of the service, held on the server under a random name.
"""
