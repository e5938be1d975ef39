# Written by create-service; replaced while it is unchanged: sha256 782db57f3c0fa1718511f5ecdd2ecce3ac37483801d7ccffc2c09ba8bee3c528
"""The task service Mailer: the task is Mailer.py; ServiceMailer.py runs it."""
