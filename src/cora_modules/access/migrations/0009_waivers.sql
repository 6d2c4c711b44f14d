-- What `org-common db lint` reports and the design wants: reasons and dates for a review.

comment on index access.org_email_domains_verified is
  'org-common lint: allow unique-key-without-tenant until 2029-12-31: one organization can have a domain verified, and callers cannot write verified_at';
