"""Mutation testing of the domain: which small bugs would the unit tests let pass?"""
